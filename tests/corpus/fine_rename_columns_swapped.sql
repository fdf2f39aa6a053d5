-- Each keeps its values.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, a TEXT, b INTEGER);
--- migration 2
ALTER TABLE notes RENAME COLUMN a TO c;
ALTER TABLE notes RENAME COLUMN b TO a;
ALTER TABLE notes RENAME COLUMN c TO b;
--- row
INSERT INTO notes (id, a, b) VALUES ('a', 1, 'x');
