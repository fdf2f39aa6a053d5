-- As a table constraint.
--- migration 1
-- expect: unique-can-collide
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT, UNIQUE (a, b));
