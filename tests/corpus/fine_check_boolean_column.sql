-- A BOOLEAN compared with a number.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN NOT NULL DEFAULT 0 CHECK (done IN (0, 1)));
--- row
INSERT INTO t VALUES ('a', 1);
