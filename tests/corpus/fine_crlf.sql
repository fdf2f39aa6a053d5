-- Windows ends its lines in two characters.
--- migration 1
CREATE TABLE t (
  id TEXT PRIMARY KEY NOT NULL, -- the key
  n INTEGER
);
--- row
INSERT INTO t VALUES ('a', 1);
