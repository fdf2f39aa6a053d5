-- In STRICT tables as well.
--- migration 1
-- expect: device-local-key
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT) STRICT;
