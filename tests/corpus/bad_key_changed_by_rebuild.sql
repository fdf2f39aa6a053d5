-- Another key is another identity of all rows.
--- migration 1
CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a));
--- migration 2
CREATE TABLE new_t (a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b));
INSERT INTO new_t SELECT a, b FROM t;
DROP TABLE t;
-- expect: primary-key-changed
ALTER TABLE new_t RENAME TO t;
