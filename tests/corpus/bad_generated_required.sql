-- A rule over two columns without a policy.
--- migration 1
-- expect: generated-column
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT, c TEXT NOT NULL AS (coalesce(a, b)));
