-- Two devices can come to the same.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)));
-- expect: unique-can-collide
CREATE UNIQUE INDEX one ON t (b);
