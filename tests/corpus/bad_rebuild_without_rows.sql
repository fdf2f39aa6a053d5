-- A rebuild that forgets to move the rows drops the table.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: drop-table
DROP TABLE notes;
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
