-- All that is wrong is said at once.
--- migration 1
-- expect: missing-primary-key
CREATE TABLE a (x TEXT);
-- expect: device-local-key
CREATE TABLE b (id INTEGER PRIMARY KEY);
