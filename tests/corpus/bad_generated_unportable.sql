-- Computed differently on both sides.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT, y TEXT GENERATED ALWAYS AS (upper(x)) VIRTUAL);
