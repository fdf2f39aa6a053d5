-- What is replicated can't refer to what only one device has.
--- migration 1
-- @local-only
CREATE TABLE drafts (id TEXT PRIMARY KEY NOT NULL);
--- migration 2
-- expect: foreign-key-target
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, draft TEXT REFERENCES drafts (id));
