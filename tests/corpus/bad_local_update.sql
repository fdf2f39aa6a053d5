-- Rows are inserted into a local table, and else left to the app; a copy into a replicated one is none.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- @local-only
CREATE TABLE drafts (id TEXT, body TEXT);
--- migration 2
-- expect: data-statement
UPDATE drafts SET body = 'x';
-- expect: data-statement
DELETE FROM drafts;
-- expect: data-statement
INSERT INTO notes SELECT id, body FROM drafts;
