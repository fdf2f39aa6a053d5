-- A tree: the edge is nullable, so its rows have an order.
--- migration 1
CREATE TABLE folders (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES folders (id));
--- row
INSERT INTO folders VALUES ('a', NULL);
