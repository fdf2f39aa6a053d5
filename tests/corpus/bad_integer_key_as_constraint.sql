-- Nor does spelling it as a table constraint.
--- migration 1
-- expect: device-local-key
CREATE TABLE notes (id INTEGER NOT NULL, body TEXT, PRIMARY KEY (id));
