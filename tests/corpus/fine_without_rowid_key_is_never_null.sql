-- In a WITHOUT ROWID table SQLite itself keeps NULL out of the key.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
