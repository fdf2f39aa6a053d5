-- Two keys that SQLite takes for one and Postgres for two.
--- migration 1
-- expect: nocase-key
CREATE TABLE users (name TEXT COLLATE NOCASE PRIMARY KEY NOT NULL);
