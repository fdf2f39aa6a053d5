-- Its rows stay for older versions.
--- migration 1
-- @unique notes.body on-conflict=quarantine
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT UNIQUE);
CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL, note TEXT REFERENCES notes);
--- migration 2
CREATE TABLE new_tags (id TEXT PRIMARY KEY NOT NULL, note TEXT);
INSERT INTO new_tags SELECT id, note FROM tags;
DROP TABLE tags;
ALTER TABLE new_tags RENAME TO tags;
-- @drop notes
DROP TABLE notes;
--- row
INSERT INTO tags (id, note) VALUES ('a', 'b');
