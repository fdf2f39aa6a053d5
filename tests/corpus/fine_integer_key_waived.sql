-- An author who knows where the numbers come from may say so.
--- migration 1
-- @allow device-local-key reason="numbers are handed out by the shop's till"
CREATE TABLE receipts (number INTEGER PRIMARY KEY NOT NULL, total REAL);
--- row
INSERT INTO receipts VALUES (7, 12.5);
