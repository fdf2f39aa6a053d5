-- A unique column is no key.
--- migration 1
-- expect: missing-primary-key
-- expect: unique-can-collide
CREATE TABLE notes (id TEXT NOT NULL UNIQUE, body TEXT);
