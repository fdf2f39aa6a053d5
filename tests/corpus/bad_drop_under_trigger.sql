-- The trigger of an earlier migration would fail at every write.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- @local-only
CREATE TABLE log (id TEXT);
-- @local-only
CREATE TRIGGER logs AFTER INSERT ON notes BEGIN INSERT INTO log VALUES (NEW.id); END;
--- migration 2
-- expect: broken-reference
DROP TABLE log;
