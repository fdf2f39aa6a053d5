-- Two tables share their keys, and a third one refers to both; once more is once.
--- migration 1
CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL);
CREATE TABLE members (id TEXT PRIMARY KEY NOT NULL REFERENCES people (id));
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, owner TEXT REFERENCES people (id) REFERENCES people (id),
    FOREIGN KEY (owner) REFERENCES members (id));
--- row
INSERT INTO people VALUES ('p'); INSERT INTO members VALUES ('p'); INSERT INTO notes VALUES ('a', 'p');
