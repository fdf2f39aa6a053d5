-- Ours in capitals.
--- migration 1
-- expect: reserved-name
CREATE TABLE _ELECTRIC_x (id TEXT PRIMARY KEY NOT NULL);
