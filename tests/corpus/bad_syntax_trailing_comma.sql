-- Nor this.
--- migration 1
-- expect: sql-error
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL,);
