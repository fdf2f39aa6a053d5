-- Which JSON values are the same?
--- migration 1
-- expect: unportable-unique
-- @unique settings.value on-conflict=quarantine
CREATE TABLE settings (id TEXT PRIMARY KEY NOT NULL, value JSON UNIQUE);
