-- With IF EXISTS as well.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: drop-table
DROP TABLE IF EXISTS notes;
