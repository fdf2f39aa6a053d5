-- Building the table anew to add one is the long way round.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)));
--- migration 2
CREATE TABLE n (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)), c TEXT AS (rtrim(a)));
INSERT INTO n (id, a) SELECT id, a FROM t;
DROP TABLE t;
ALTER TABLE n RENAME TO t;
--- row
INSERT INTO t (id, a) VALUES ('a', ' x ');
