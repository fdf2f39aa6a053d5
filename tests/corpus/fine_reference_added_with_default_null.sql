-- REFERENCES with DEFAULT NULL is what SQLite takes with foreign keys on.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD COLUMN parent TEXT DEFAULT NULL REFERENCES notes (id);
--- row
INSERT INTO notes VALUES ('a', 'b', NULL);
