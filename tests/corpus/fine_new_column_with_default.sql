-- NOT NULL with a constant: older apps' rows have a value.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;
--- row
INSERT INTO notes (id) VALUES ('a');
