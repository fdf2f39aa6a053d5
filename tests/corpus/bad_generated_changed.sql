-- Devices on older versions compute it as it was.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)));
--- migration 2
-- expect: rebuilt-table
CREATE TABLE n (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (rtrim(a)));
INSERT INTO n (id, a) SELECT id, a FROM t;
DROP TABLE t;
ALTER TABLE n RENAME TO t;
