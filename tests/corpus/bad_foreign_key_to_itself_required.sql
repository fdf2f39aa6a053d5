-- Nor here, but for a row that is its own parent.
--- migration 1
-- expect: foreign-key-cycle
CREATE TABLE folders (id TEXT PRIMARY KEY NOT NULL, parent TEXT NOT NULL REFERENCES folders (id));
