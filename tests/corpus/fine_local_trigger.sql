-- A trigger that stays on its device, and keeps silent while deltas are applied.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- @local-only
CREATE TRIGGER shout AFTER INSERT ON notes BEGIN UPDATE notes SET body = upper(body) WHERE id = NEW.id; END;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
