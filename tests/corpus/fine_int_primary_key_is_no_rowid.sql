-- INT PRIMARY KEY, unlike INTEGER PRIMARY KEY, is never filled in by SQLite.
--- migration 1
CREATE TABLE years (year INT PRIMARY KEY NOT NULL, theme TEXT);
--- row
INSERT INTO years VALUES (2026, 'sync');
