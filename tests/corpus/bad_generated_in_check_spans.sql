-- It reads two columns, through one.
--- migration 1
-- expect: check-spans-columns
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER, m INTEGER, sum INTEGER AS (n + m) CHECK (sum < 100));
