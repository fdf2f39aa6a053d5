-- What a staged delta will have noted in _electric_lives when it is applied (device/building.py).
CREATE TABLE _electric_staged_lives (
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    alive INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID;
