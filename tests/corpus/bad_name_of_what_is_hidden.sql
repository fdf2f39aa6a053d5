-- Such names are for what only older versions have.
--- migration 1
-- expect: reserved-name
CREATE TABLE notes (
    id TEXT PRIMARY KEY NOT NULL,
    "~body" TEXT
);
