-- A migration is one transaction already.
--- migration 1
-- expect: transaction-control
BEGIN IMMEDIATE TRANSACTION;
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
