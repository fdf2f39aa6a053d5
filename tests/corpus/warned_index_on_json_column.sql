-- Postgres can't sort JSON: the index is the device's.
--- migration 1
CREATE TABLE settings (id TEXT PRIMARY KEY NOT NULL, value JSON);
-- expect: device-only-index warning
CREATE INDEX by_value ON settings (value);
--- row
INSERT INTO settings VALUES ('a', '[1]');
