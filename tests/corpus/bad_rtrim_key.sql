-- The same with RTRIM.
--- migration 1
-- expect: nocase-key
CREATE TABLE users (name TEXT COLLATE RTRIM PRIMARY KEY NOT NULL);
