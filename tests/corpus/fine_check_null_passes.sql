-- NULL passes a CHECK in both.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER CHECK (n > 0));
--- row
INSERT INTO t VALUES ('a', NULL);
