-- What reads the column follows.
--- migration 1
-- @check notes.sized on-conflict=quarantine
-- @unique notes.title on-conflict=quarantine
CREATE TABLE notes (
    id TEXT PRIMARY KEY NOT NULL, title TEXT UNIQUE, body TEXT DEFAULT 'x',
    both TEXT AS (title || body),
    CONSTRAINT sized CHECK (length(title) < length(body))
);
CREATE INDEX by_title ON notes (title) WHERE body IS NOT NULL;
--- migration 2
ALTER TABLE notes RENAME COLUMN title TO name;
ALTER TABLE notes RENAME body TO "the Text";
--- row
INSERT INTO notes (id, name, "the Text") VALUES ('a', 'b', 'long');
