-- Nobody writes it, and older versions go on computing it.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)));
--- migration 2
ALTER TABLE t DROP COLUMN b;
--- row
INSERT INTO t (id, a) VALUES ('a', ' x');
