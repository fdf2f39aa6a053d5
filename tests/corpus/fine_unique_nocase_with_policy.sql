-- Postgres keeps the rule over the letters in lower case.
--- migration 1
-- @unique users.email on-conflict=quarantine
-- expect: nocase-column warning
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT COLLATE NOCASE UNIQUE, nick TEXT);
-- @unique users.nick on-conflict=quarantine
CREATE UNIQUE INDEX one_nick ON users (nick COLLATE NOCASE);
--- row
INSERT INTO users VALUES ('a', 'Ann@example.org', 'Ännchen');
