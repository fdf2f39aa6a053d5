-- A random number that tells a transaction from others of its number and clock (device/sealing.py); null:
-- it was sealed by an earlier version.
ALTER TABLE _electric_transactions ADD COLUMN seal INTEGER;
