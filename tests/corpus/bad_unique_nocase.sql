-- Postgres has no NOCASE.
--- migration 1
-- expect: unportable-unique
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT COLLATE NOCASE UNIQUE);
