-- Older versions can't show that.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL, n INTEGER);
--- migration 2
-- @drop notes.body down=''
-- @drop notes.n down='many'
-- expect: unheeded-directive
ALTER TABLE notes DROP COLUMN n;
ALTER TABLE notes DROP COLUMN body;
