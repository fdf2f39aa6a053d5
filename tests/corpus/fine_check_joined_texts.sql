-- Texts one after the other.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT CHECK (length('-' || a || '-') > 3));
--- row
INSERT INTO t VALUES ('y', 'ab');
