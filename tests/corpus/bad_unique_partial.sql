-- A rule for some rows is broken by two devices like any other.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- expect: unique-can-collide
CREATE UNIQUE INDEX one ON notes (body) WHERE body <> '';
