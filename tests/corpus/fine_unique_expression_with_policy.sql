-- Over what means the same to both.
--- migration 1
CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL);
-- @unique people(first, last) on-conflict=quarantine
CREATE UNIQUE INDEX one ON people (trim(first) || ' ' || trim(last));
--- row
INSERT INTO people VALUES ('a', ' Ann', 'Ö'), ('b', 'Ann', 'Ä');
