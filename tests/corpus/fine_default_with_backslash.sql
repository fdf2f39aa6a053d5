-- A backslash is a character.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, path TEXT DEFAULT 'C:\new\table');
--- row
INSERT INTO t (id) VALUES ('a');
