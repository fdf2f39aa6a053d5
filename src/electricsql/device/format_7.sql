-- Whether a dead row is among those that wait for the hub to forget them (device/forgetting.py).
ALTER TABLE _electric_lives ADD COLUMN passing INTEGER NOT NULL DEFAULT 0;
CREATE INDEX _electric_lives_dead ON _electric_lives (passing) WHERE alive = 0;
