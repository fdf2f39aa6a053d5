-- A table that is not there.
--- migration 1
-- expect: sql-error
ALTER TABLE nothing ADD COLUMN x TEXT;
