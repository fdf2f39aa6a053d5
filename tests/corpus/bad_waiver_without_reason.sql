-- A waiver says why.
--- migration 1
-- expect: unused-waiver
-- expect: device-local-key
-- @allow device-local-key
CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL);
