-- A default that Postgres spells otherwise.
--- migration 1
-- expect: bad-default
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, at TIMESTAMP DEFAULT '2024-01-01T00:00');
