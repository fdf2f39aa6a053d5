-- The same names in two tables.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
CREATE TABLE other (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- row
INSERT INTO other VALUES ('a', 'b');
