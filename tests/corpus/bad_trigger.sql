-- It would fire again on every device.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: trigger-on-replicated-table
CREATE TRIGGER t AFTER INSERT ON notes BEGIN UPDATE notes SET body = 'x' WHERE id = NEW.id; END;
