-- In a new table a clock runs once, where the row is written.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, body TEXT);
--- row
INSERT INTO t (id, at) VALUES ('a', '2024-01-01 00:00:00');
