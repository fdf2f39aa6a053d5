-- Ours.
--- migration 1
-- expect: reserved-name
CREATE TABLE _electric_x (id TEXT PRIMARY KEY NOT NULL);
