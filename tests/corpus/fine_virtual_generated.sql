-- Computed where it is read, from columns of its row.
--- migration 1
CREATE TABLE lines (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL, price INTEGER NOT NULL, sum INTEGER GENERATED ALWAYS AS (n * price) VIRTUAL);
--- row
INSERT INTO lines (id, n, price) VALUES ('a', 2, 3);
