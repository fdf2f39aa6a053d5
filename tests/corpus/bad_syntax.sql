-- SQLite does not understand it.
--- migration 1
-- expect: sql-error
CREATE TABEL t (id TEXT PRIMARY KEY NOT NULL);
