-- NOT NULL of what is computed from one column.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT NOT NULL, c TEXT NOT NULL AS (trim(a)));
--- row
INSERT INTO t VALUES ('a', ' x ');
