-- The same as an operator, in the condition.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- expect: index-can-fail
-- expect: device-only-index warning
CREATE INDEX by_title ON notes (id) WHERE body ->> 'title' = 'x';
