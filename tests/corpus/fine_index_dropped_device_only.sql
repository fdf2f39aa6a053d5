-- What Postgres never had need not be dropped there.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
CREATE INDEX one ON notes (lower(body));
CREATE INDEX two ON notes (trim(body));
--- migration 2
DROP INDEX one;
DROP INDEX two;
--- row
INSERT INTO notes VALUES ('a', 'x');
