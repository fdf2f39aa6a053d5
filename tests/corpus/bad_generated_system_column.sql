-- It has a name, like any other.
--- migration 1
-- expect: reserved-name
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, xmin TEXT AS (trim(a)));
