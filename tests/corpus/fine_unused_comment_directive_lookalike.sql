-- A comment that mentions @allow in the middle is a comment.
--- migration 1
-- see the handbook on how to use @allow, and mail ops@example.org
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL);
--- row
INSERT INTO t VALUES ('a');
