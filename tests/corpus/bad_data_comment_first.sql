-- Every device would do it for itself.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: data-statement
/* just */ UPDATE notes SET body = trim(body);
