-- Nobody knows what it holds.
--- migration 1
-- expect: unknown-type
-- expect: generated-column
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, c AS (trim(a)));
