-- Both options at once.
--- migration 1
CREATE TABLE parts (id TEXT PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
--- row
INSERT INTO parts (id) VALUES ('a');
