-- Postgres would cut it.
--- migration 1
-- expect: identifier-too-long
CREATE TABLE nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn (id TEXT PRIMARY KEY NOT NULL);
