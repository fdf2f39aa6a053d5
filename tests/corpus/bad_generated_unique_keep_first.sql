-- What is computed can't give way.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)));
-- expect: unique-can-collide
-- @unique t.b on-conflict=keep-first
CREATE UNIQUE INDEX one ON t (b);
