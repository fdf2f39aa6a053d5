-- Some rules nobody may waive.
--- migration 1
-- expect: unused-waiver
-- expect: missing-primary-key
-- @allow missing-primary-key reason="please"
CREATE TABLE t (id TEXT);
