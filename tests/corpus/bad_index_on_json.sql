-- A row that came from elsewhere, and is no JSON, could not be written.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- expect: index-can-fail
-- expect: device-only-index warning
CREATE INDEX by_title ON notes (json_extract(body, '$.title'));
