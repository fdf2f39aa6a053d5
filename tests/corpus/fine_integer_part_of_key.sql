-- An integer in a composite key is given by the app.
--- migration 1
CREATE TABLE lines (invoice TEXT NOT NULL, line INTEGER NOT NULL, sum REAL, PRIMARY KEY (invoice, line));
--- row
INSERT INTO lines VALUES ('i1', 1, 9.5);
