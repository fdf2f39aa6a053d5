-- A migration is one transaction already.
--- migration 1
-- expect: transaction-control
COMMIT;
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
