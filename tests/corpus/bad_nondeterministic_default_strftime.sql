-- Every device would compute it anew for the rows it has.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: nondeterministic-default
ALTER TABLE notes ADD COLUMN n INTEGER DEFAULT (strftime('%s', 'now'));
