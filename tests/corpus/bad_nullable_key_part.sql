-- One of two columns.
--- migration 1
-- expect: nullable-primary-key
CREATE TABLE t (a TEXT NOT NULL, b TEXT, PRIMARY KEY (a, b));
