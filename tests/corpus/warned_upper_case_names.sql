-- psql users will have to quote it.
--- migration 1
-- expect: identifier-case-clash warning
CREATE TABLE Notes (Id TEXT PRIMARY KEY NOT NULL);
--- row
INSERT INTO Notes VALUES ('a');
