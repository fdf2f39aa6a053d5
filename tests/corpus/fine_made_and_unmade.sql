-- What is made and dropped in one migration was never there for anybody.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
CREATE TABLE draft (id TEXT PRIMARY KEY NOT NULL);
DROP TABLE draft;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
