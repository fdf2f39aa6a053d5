-- How much of what is not sealed yet has been weighed, up to an entry (migrations/capture.py).
ALTER TABLE _electric_oplog ADD COLUMN w;
