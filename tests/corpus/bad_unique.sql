-- Two devices offline may both take it.
--- migration 1
-- expect: unique-can-collide
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE);
