-- NOT NULL does not keep SQLite from counting.
--- migration 1
-- expect: device-local-key
CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, body TEXT);
