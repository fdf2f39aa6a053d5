-- 1 and 1.0 are one key.
--- migration 1
-- expect: fragile-key warning
CREATE TABLE t (x REAL PRIMARY KEY NOT NULL);
--- row
INSERT INTO t VALUES (1.5);
