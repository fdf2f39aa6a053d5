-- Whether a migration only adds to what was there (device/upgrading.py); those from before all did.
ALTER TABLE _electric_migrations ADD COLUMN additive INTEGER NOT NULL DEFAULT 1;
