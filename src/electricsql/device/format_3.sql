-- What became of every transaction that was committed in this file.

INSERT OR IGNORE INTO _electric_meta (key, value)
SELECT 'acknowledged', value - (SELECT count(*) FROM _electric_transactions)
FROM _electric_meta WHERE key = 'number';

-- The devices that this file was before it was found to be a copy of another one's, or restored, and
-- how many transactions it knew to be at the hub then (device/identity.py).
CREATE TABLE _electric_earlier (
    device TEXT PRIMARY KEY NOT NULL,
    acknowledged INTEGER NOT NULL,
    until TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;

-- Transactions that the hub refused, whole. fate: waiting, retried (it is merged now) or discarded.
CREATE TABLE _electric_moved AS SELECT * FROM _electric_quarantine;
DROP TABLE _electric_quarantine;
CREATE TABLE _electric_quarantine (
    device TEXT NOT NULL,
    number INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    changes BLOB NOT NULL,
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    fate TEXT NOT NULL DEFAULT 'waiting',
    decided_at TEXT,
    PRIMARY KEY (device, number)
) WITHOUT ROWID;
INSERT INTO _electric_quarantine (device, number, code, message, changes, at)
SELECT (SELECT value FROM _electric_meta WHERE key = 'device'), number, code, message, changes, at
FROM _electric_moved;
DROP TABLE _electric_moved;

-- The conservation law, for each device that this file was: its transactions up to `number` are
-- acknowledged or unsent; of the acknowledged ones some are in the hub's quarantine.
CREATE VIEW _electric_fates AS
SELECT device, number, acknowledged, unsent,
    count(*) FILTER (WHERE fate = 'waiting') AS waiting,
    count(*) FILTER (WHERE fate = 'retried') AS retried,
    count(*) FILTER (WHERE fate = 'discarded') AS discarded,
    number = acknowledged + unsent AND in_order
        AND coalesce(max(refused), 0) <= acknowledged AS holds
FROM (
    SELECT device, number, acknowledged, count(t) AS unsent,
        count(t) = 0 OR (min(t) = acknowledged + 1 AND max(t) = number) AS in_order
    FROM (
        SELECT max(value) FILTER (WHERE key = 'device') AS device,
            coalesce(max(value) FILTER (WHERE key = 'number'), 0) AS number,
            coalesce(max(value) FILTER (WHERE key = 'acknowledged'), 0) AS acknowledged
        FROM _electric_meta
    ) LEFT JOIN (SELECT number AS t FROM _electric_transactions)
    UNION ALL
    SELECT device, acknowledged, acknowledged, 0, 1 FROM _electric_earlier
) LEFT JOIN (SELECT device AS owner, number AS refused, fate FROM _electric_quarantine)
    ON owner = device
GROUP BY device;
