-- A view exists on devices; nothing in it is replicated by itself.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE VIEW latest AS SELECT * FROM notes ORDER BY id DESC LIMIT 10;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
