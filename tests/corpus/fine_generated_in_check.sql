-- A CHECK that reads one is over what that is computed from.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER, twice INTEGER AS (n * 2) CHECK (twice < 100));
--- row
INSERT INTO t VALUES ('a', 2);
