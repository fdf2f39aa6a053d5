-- CREATE TABLE AS copies rows, and has neither key nor types.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: data-statement
CREATE TABLE copy AS SELECT * FROM notes;
