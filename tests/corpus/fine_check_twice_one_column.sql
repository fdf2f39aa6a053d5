-- A table constraint over one column.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER, CHECK (n > 0 AND n < 10), CONSTRAINT odd CHECK (n <> 4));
--- row
INSERT INTO t VALUES ('a', 5);
