-- So they do without the word.
--- migration 1
-- expect: device-local-key
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
