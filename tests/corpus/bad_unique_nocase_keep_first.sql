-- Which value gives way is only defined for plain columns.
--- migration 1
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, nick TEXT);
-- expect: unique-can-collide
-- @unique users.nick on-conflict=keep-first
CREATE UNIQUE INDEX one_nick ON users (nick COLLATE NOCASE);
