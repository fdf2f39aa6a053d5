-- To devices Ann and ann are one: somebody has to say what becomes of the later one.
--- migration 1
-- expect: nocase-column warning
-- expect: unique-can-collide
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT COLLATE NOCASE UNIQUE);
