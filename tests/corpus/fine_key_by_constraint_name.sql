-- A named key constraint is a key like any other.
--- migration 1
CREATE TABLE notes (id TEXT NOT NULL, body TEXT, CONSTRAINT notes_key PRIMARY KEY (id));
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
