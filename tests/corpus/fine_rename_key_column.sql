-- So do foreign keys.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL, note TEXT NOT NULL REFERENCES notes (id));
--- migration 2
ALTER TABLE notes RENAME COLUMN id TO note;
ALTER TABLE tags RENAME COLUMN note TO of;
--- row
INSERT INTO notes (note) VALUES ('n');
INSERT INTO tags (id, of) VALUES ('a', 'n');
