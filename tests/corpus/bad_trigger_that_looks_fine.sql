-- Also one that only refuses.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: trigger-on-replicated-table
CREATE TRIGGER t BEFORE DELETE ON notes BEGIN SELECT RAISE(ABORT, 'no'); END;
