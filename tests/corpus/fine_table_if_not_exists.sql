-- It did not exist.
--- migration 1
CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
