-- Column-wise merging can't break a rule over one column.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, stars INTEGER NOT NULL DEFAULT 1 CHECK (stars BETWEEN 1 AND 5));
--- row
INSERT INTO t VALUES ('a', 5);
