-- A column that is called autoincrement.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, "autoincrement" INTEGER, counter INTEGER);
--- row
INSERT INTO t VALUES ('a', 1, 2);
