-- A policy that there is not.
--- migration 1
-- expect: unknown-directive
-- @unique users.email on-conflict=merge
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE);
