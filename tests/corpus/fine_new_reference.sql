-- A new column may refer to a table; it is NULL where nobody has set it.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE TABLE folders (id TEXT PRIMARY KEY NOT NULL);
ALTER TABLE notes ADD COLUMN folder TEXT REFERENCES folders (id) ON DELETE SET NULL;
--- row
INSERT INTO folders VALUES ('f'); INSERT INTO notes VALUES ('a', 'b', 'f');
