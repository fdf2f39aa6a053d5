-- Other words for the same type.
--- migration 1
CREATE TABLE people (id VARCHAR PRIMARY KEY NOT NULL);
CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner CLOB REFERENCES people (id));
--- row
INSERT INTO people VALUES ('p'); INSERT INTO pets VALUES ('a', 'p');
