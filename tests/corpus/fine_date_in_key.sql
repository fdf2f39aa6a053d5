-- A day as a key, in its canonical spelling.
--- migration 1
CREATE TABLE days (day DATE PRIMARY KEY NOT NULL, mood TEXT);
--- row
INSERT INTO days VALUES ('2024-02-29', 'good');
