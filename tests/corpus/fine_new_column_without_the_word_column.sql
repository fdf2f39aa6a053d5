-- COLUMN may be left out.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD stars INTEGER DEFAULT 5;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
