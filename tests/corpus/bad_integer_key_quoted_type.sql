-- A quoted type is the same type.
--- migration 1
-- expect: device-local-key
CREATE TABLE notes (id "integer" PRIMARY KEY, body TEXT);
