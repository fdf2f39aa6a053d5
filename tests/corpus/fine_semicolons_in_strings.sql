-- A ; in a string ends nothing.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, sep TEXT NOT NULL DEFAULT '; DROP TABLE t; --');
--- row
INSERT INTO t (id) VALUES ('a');
