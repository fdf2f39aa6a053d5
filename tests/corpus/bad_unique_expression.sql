-- A rule over an expression.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: unportable-unique
CREATE UNIQUE INDEX one ON notes (lower(body));
