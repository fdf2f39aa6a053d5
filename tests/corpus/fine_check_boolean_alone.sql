-- A BOOLEAN is a truth to both, in rules of every kind.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN NOT NULL, name TEXT CHECK (name <> ''), open BOOLEAN AS (NOT done), CHECK (done OR id <> 'x'));
CREATE INDEX some ON t (name) WHERE NOT done;
-- @unique t.name on-conflict=quarantine
CREATE UNIQUE INDEX one ON t (name) WHERE open;
--- row
INSERT INTO t VALUES ('a', 1, 'x'), ('b', 1, 'x'), ('c', 0, 'x');
