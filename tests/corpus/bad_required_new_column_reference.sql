-- Rows that older apps insert would have no value for it.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: required-new-column
-- expect: foreign-key-cycle
ALTER TABLE notes ADD COLUMN folder TEXT NOT NULL REFERENCES notes (id);
