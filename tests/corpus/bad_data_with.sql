-- Every device would do it for itself.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: data-statement
WITH x AS (SELECT 'a' AS i) INSERT INTO notes SELECT i, i FROM x;
