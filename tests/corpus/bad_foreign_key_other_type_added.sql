-- Nor a number with a text, in a column that comes later.
--- migration 1
CREATE TABLE people (id INTEGER NOT NULL, city TEXT NOT NULL, PRIMARY KEY (city, id));
CREATE TABLE boxes (number INT PRIMARY KEY NOT NULL);
CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL);
--- migration 2
-- expect: foreign-key-type
ALTER TABLE pets ADD COLUMN box NUMERIC REFERENCES boxes;
-- expect: foreign-key-type
CREATE TABLE homes (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT, FOREIGN KEY (a, b) REFERENCES people);
