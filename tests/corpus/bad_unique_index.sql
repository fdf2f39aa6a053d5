-- As an index.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: unique-can-collide
CREATE UNIQUE INDEX one_body ON notes (body);
