-- Drafts that nobody else gets: any types, no key, filled from what is there, sent by a trigger.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- @local-only
CREATE TABLE drafts (note, body, at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX drafts_by_note ON drafts (lower(note));
INSERT INTO drafts (note, body) SELECT id, body FROM notes;
CREATE TRIGGER send AFTER DELETE ON drafts BEGIN
    INSERT INTO notes (id, body) VALUES (OLD.note, OLD.body) ON CONFLICT (id) DO UPDATE SET body = excluded.body;
END;
--- migration 3
ALTER TABLE drafts RENAME COLUMN at TO written;
ALTER TABLE drafts DROP COLUMN written;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
