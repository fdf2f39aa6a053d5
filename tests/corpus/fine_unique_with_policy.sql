-- Two devices may take the same address: the author says what happens then.
--- migration 1
-- @unique users.email on-conflict=quarantine
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE);
--- row
INSERT INTO users VALUES ('a', 'a@example.org');
