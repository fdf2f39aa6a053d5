-- PRIMARY KEY in a string makes none.
--- migration 1
-- expect: missing-primary-key
CREATE TABLE notes (id TEXT DEFAULT 'PRIMARY KEY');
