-- Merging would not see what it refers to.
--- migration 1
CREATE TABLE p (id TEXT PRIMARY KEY NOT NULL);
-- expect: generated-column
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, c TEXT AS (trim(a)) REFERENCES p);
