-- A waiver that is none.
--- migration 1
-- expect: unknown-directive
-- expect: device-local-key
-- @alow device-local-key reason="numbers are handed out by the till"
CREATE TABLE receipts (number INTEGER PRIMARY KEY NOT NULL, total REAL);
