-- The last statement may end without ;
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL)
--- row
INSERT INTO t VALUES ('a');
