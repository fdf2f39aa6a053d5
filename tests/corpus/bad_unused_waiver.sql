-- It allows nothing.
--- migration 1
-- expect: unused-waiver
-- @allow device-local-key reason="no need"
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL);
