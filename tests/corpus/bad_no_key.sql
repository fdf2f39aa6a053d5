-- Rows that can't be told apart.
--- migration 1
-- expect: missing-primary-key
CREATE TABLE notes (body TEXT);
