-- Format 3: what all live devices have passed is forgotten (cleaning.py).

-- Everything with an xid below `horizon` is forgotten. `expiry_days`: for how long a device that isn't
-- seen counts as live; null for limits.DEVICE_EXPIRY_DAYS.
ALTER TABLE electric.hub
    ADD COLUMN horizon bigint NOT NULL DEFAULT 0,
    ADD COLUMN expiry_days int;

-- From this xid on a device needs what happened: it, or a transaction that it has not sent, does not
-- have it. How far the devices of a hub of format 1 are is learnt when they come back.
ALTER TABLE electric.devices ADD COLUMN needs bigint NOT NULL DEFAULT 0;

DO $$
DECLARE
    shadow text;
BEGIN
    FOR shadow IN
        SELECT tablename FROM pg_tables WHERE schemaname = 'electric' AND tablename ~ '^shadow_'
    LOOP
        EXECUTE format(
            'CREATE INDEX %I ON electric.%I (xid) WHERE deleted <> 0', shadow || '_dead', shadow
        );
    END LOOP;
END
$$;
