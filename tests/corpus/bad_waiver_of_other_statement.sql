-- It is for the next statement only.
--- migration 1
-- expect: unused-waiver
-- @allow device-local-key reason="first"
CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL);
-- expect: device-local-key
CREATE TABLE b (id INTEGER PRIMARY KEY);
