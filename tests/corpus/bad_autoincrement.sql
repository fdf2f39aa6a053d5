-- Two devices count alike.
--- migration 1
-- expect: device-local-key
CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
