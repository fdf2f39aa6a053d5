-- To find names in any case is for devices.
--- migration 1
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, name TEXT);
-- expect: device-only-index warning
CREATE INDEX by_name ON users (name COLLATE NOCASE);
--- row
INSERT INTO users VALUES ('a', 'Ann'), ('b', 'ann');
