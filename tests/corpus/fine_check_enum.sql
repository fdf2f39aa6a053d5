-- A list of words.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'it''s')));
--- row
INSERT INTO t VALUES ('a', 'it''s');
