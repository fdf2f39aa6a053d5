-- A table twice, in other capitals.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: sql-error
CREATE TABLE Notes (id TEXT PRIMARY KEY NOT NULL);
