-- An index of a replicated table is Postgres' too.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: misplaced-local-only
-- @local-only
CREATE INDEX notes_by_body ON notes (body);
