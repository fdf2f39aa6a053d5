-- Postgres has nothing like RTRIM.
--- migration 1
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT);
-- @unique users.email on-conflict=quarantine
-- expect: unportable-unique
CREATE UNIQUE INDEX one ON users (email COLLATE RTRIM);
