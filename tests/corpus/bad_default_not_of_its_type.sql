-- A default that its column can't hold.
--- migration 1
-- expect: bad-default
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN DEFAULT 'yes');
