-- A type may be quoted.
--- migration 1
CREATE TABLE t (id "TEXT" PRIMARY KEY NOT NULL, n [INTEGER], x `REAL`);
--- row
INSERT INTO t VALUES ('a', 1, 2.5);
