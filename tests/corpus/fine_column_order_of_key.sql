-- The key's order is its own.
--- migration 1
CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, c TEXT, PRIMARY KEY (b, a));
--- row
INSERT INTO t VALUES ('a', 'b', 'c');
