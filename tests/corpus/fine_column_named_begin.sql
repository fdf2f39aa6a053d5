-- Names that would be statements.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, "begin" TEXT, "commit" TEXT, savepoint TEXT);
--- row
INSERT INTO t VALUES ('a', 'b', 'c', 'd');
