-- The words PRIMARY KEY in a default are no key, and here is one as well.
--- migration 1
CREATE TABLE t (id TEXT NOT NULL, note TEXT DEFAULT 'PRIMARY KEY (note)', PRIMARY KEY (id));
--- row
INSERT INTO t (id) VALUES ('a');
