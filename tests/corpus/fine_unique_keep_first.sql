-- Or that the first one keeps it.
--- migration 1
-- @unique users.email on-conflict=keep-first
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE);
--- row
INSERT INTO users VALUES ('a', 'a@example.org');
