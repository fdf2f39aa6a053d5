-- STRICT knows INT, INTEGER, REAL, TEXT, BLOB.
--- migration 1
CREATE TABLE parts (id TEXT PRIMARY KEY NOT NULL, n INT, m INTEGER, x REAL, b BLOB) STRICT;
--- row
INSERT INTO parts VALUES ('a', 1, 2, 3.5, x'00ff');
