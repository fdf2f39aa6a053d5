-- The last life of a listed row that was over at the hub when its unsent changes began (device/lives.py):
-- the hub may forget it, and count from the first one again.
ALTER TABLE _electric_lives ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
