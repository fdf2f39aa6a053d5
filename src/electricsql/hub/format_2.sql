-- Format 2: what becomes of every transaction that a device commits.

-- `session` is the number of the device's newest session: what an earlier one submits is not merged
-- any more. `merged` counts the transactions that were merged as they came.
ALTER TABLE electric.devices
    ADD COLUMN session bigint NOT NULL DEFAULT 0,
    ADD COLUMN merged bigint NOT NULL DEFAULT 0;
UPDATE electric.devices d SET merged =
    number - (SELECT count(*) FROM electric.quarantine q WHERE q.origin = d.origin);

-- `changes` counts the rows that could be read of it; `xid` is when its fate last changed.
ALTER TABLE electric.quarantine
    ADD COLUMN changes int,
    ADD COLUMN fate text NOT NULL DEFAULT 'waiting'
        CHECK (fate IN ('waiting', 'retried', 'discarded')),
    ADD COLUMN decided_at timestamptz;

-- Who has to look for news of the quarantine finds -1 here.
INSERT INTO electric.touched SELECT DISTINCT xid, -1 FROM electric.quarantine;

-- The conservation law: a device's transactions up to `number` were each merged, or are in the
-- quarantine with one of three fates.
CREATE VIEW electric.fates AS
SELECT *, number = merged + waiting + retried + discarded AND last <= number AS holds FROM (
    SELECT d.device, d.origin, d.number, d.merged,
        count(*) FILTER (WHERE q.fate = 'waiting') AS waiting,
        count(*) FILTER (WHERE q.fate = 'retried') AS retried,
        count(*) FILTER (WHERE q.fate = 'discarded') AS discarded,
        coalesce(max(q.number), 0) AS last
    FROM electric.devices d LEFT JOIN electric.quarantine q USING (origin)
    GROUP BY d.device, d.origin, d.number, d.merged
) counted;
