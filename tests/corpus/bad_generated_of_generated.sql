-- Postgres does not compute from what it has computed.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)), c TEXT AS (b || 'x'));
