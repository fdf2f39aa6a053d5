-- INTEGER PRIMARY KEY DESC is no alias of the rowid: the app gives the number.
--- migration 1
CREATE TABLE years (year INTEGER PRIMARY KEY DESC NOT NULL, theme TEXT);
--- row
INSERT INTO years VALUES (2026, 'sync');
