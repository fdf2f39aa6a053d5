-- A rule that the default keeps.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 1 CHECK (stars > 0);
--- row
INSERT INTO notes (id) VALUES ('a');
