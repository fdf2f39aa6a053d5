-- To half a key.
--- migration 1
CREATE TABLE rooms (house TEXT NOT NULL, room TEXT NOT NULL, PRIMARY KEY (house, room));
--- migration 2
-- expect: foreign-key-target
CREATE TABLE beds (id TEXT PRIMARY KEY NOT NULL, house TEXT REFERENCES rooms (house));
