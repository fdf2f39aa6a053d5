-- Whether something is NULL is the same question to both, whatever it is.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, due DATE, data BLOB, CHECK (id <> 'x' OR due IS NULL), CHECK (data IS NOT NULL OR id = 'y'));
--- row
INSERT INTO t VALUES ('y', '2024-02-29', NULL);
