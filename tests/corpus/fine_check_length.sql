-- A length in characters, which both engines count alike.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, code TEXT CHECK (length(code) = 3));
--- row
INSERT INTO t VALUES ('a', 'äöü');
