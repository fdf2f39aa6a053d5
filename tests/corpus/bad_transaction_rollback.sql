-- A migration is one transaction already.
--- migration 1
-- expect: transaction-control
ROLLBACK;
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
