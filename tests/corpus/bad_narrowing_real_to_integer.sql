-- What is behind the point would be lost.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x REAL);
--- migration 2
-- expect: narrowing-type
CREATE TABLE new_t (id TEXT PRIMARY KEY NOT NULL, x INTEGER);
INSERT INTO new_t SELECT id, x FROM t;
DROP TABLE t;
ALTER TABLE new_t RENAME TO t;
