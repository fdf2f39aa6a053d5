-- SQLite would compare a text with a UUID; Postgres does not.
--- migration 1
CREATE TABLE people (id UUID PRIMARY KEY NOT NULL);
-- expect: foreign-key-type
CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner TEXT REFERENCES people (id));
