-- It concerns one file only.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- expect: local-statement
ATTACH 'other.db' AS other;
