-- Postgres calls the index of the UNIQUE constraint as another one is called.
--- migration 1
CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, b_c TEXT);
CREATE INDEX a_b_c_key ON a (b_c);
--- migration 2
-- @unique a_b.c on-conflict=quarantine
-- expect: taken-name
CREATE TABLE a_b (id TEXT PRIMARY KEY NOT NULL, c TEXT UNIQUE);
