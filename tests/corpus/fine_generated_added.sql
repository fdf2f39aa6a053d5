-- A new one for rows that are there, and an index on it.
--- migration 1
CREATE TABLE lines (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL, price INTEGER NOT NULL);
--- migration 2
ALTER TABLE lines ADD COLUMN sum INTEGER GENERATED ALWAYS AS (n * price) VIRTUAL;
CREATE INDEX by_sum ON lines (sum DESC) WHERE sum > 0;
--- row
INSERT INTO lines (id, n, price) VALUES ('a', 2, 3);
