-- JSON columns have JSON defaults.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, data JSON NOT NULL DEFAULT '{"a": null}');
--- row
INSERT INTO t (id) VALUES ('a');
