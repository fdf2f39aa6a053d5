-- The author knows.
--- migration 1
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, name TEXT);
-- @allow device-only-index reason="the app alone looks for names"
CREATE INDEX by_name ON users (name COLLATE NOCASE);
--- row
INSERT INTO users VALUES ('a', 'Ann');
