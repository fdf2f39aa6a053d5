-- The parts of a delta that is not complete yet, as they came (device/staging.py).
CREATE TABLE _electric_staged (
    part INTEGER PRIMARY KEY,
    frame BLOB NOT NULL
);
