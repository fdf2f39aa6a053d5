-- An index that only devices have: it changes nothing but speed.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: device-only-index warning
CREATE INDEX notes_lower ON notes (lower(body));
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
