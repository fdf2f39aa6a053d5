-- The tables of schema electric, format 1. Later formats are files of their own, run in order.

CREATE TABLE electric.hub (
    format int NOT NULL,
    epoch text NOT NULL,
    app text NOT NULL,
    env text NOT NULL
);

CREATE TABLE electric.migrations (
    position int PRIMARY KEY,
    name text NOT NULL UNIQUE,
    title text NOT NULL,
    sha256 text NOT NULL,
    source text NOT NULL,
    statements text[] NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- `number` and `hlc` are those of the last transaction that was merged, or refused.
CREATE TABLE electric.devices (
    device text PRIMARY KEY,
    origin int NOT NULL UNIQUE GENERATED ALWAYS AS IDENTITY,
    number bigint NOT NULL DEFAULT 0,
    hlc bigint NOT NULL DEFAULT 0,
    cursor text,
    schema_version text,
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- Ids as in replication/ids.py. A register's clock is that of the transaction it points to.
CREATE TABLE electric.transactions (
    id bigint PRIMARY KEY,
    origin int NOT NULL,
    number bigint NOT NULL,
    hlc bigint NOT NULL,
    schema_version text,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX transactions_hlc ON electric.transactions (hlc);

-- Where a reader of deltas has to look. Table 0 is the schema itself.
CREATE TABLE electric.touched (
    xid xid8,
    tbl int,
    PRIMARY KEY (xid, tbl)
);

CREATE TABLE electric.quarantine (
    origin int,
    number bigint,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    code text NOT NULL,
    message text NOT NULL,
    transaction bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, number)
);

-- A direct transaction gets its clock at the commit: under READ COMMITTED it may read, after its
-- first write, what was merged meanwhile, and must not carry a clock below that.
CREATE FUNCTION electric.stamp_clock() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    INSERT INTO electric.transactions (id, origin, number, hlc)
    VALUES (
        NEW.xid::text::bigint << 10,
        0,
        0,
        greatest(
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint << 16,
            1 + (SELECT max(hlc) FROM electric.transactions)
        )
    )
    ON CONFLICT (id) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER stamp_clock AFTER INSERT ON electric.touched
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION electric.stamp_clock();

-- A role called electric would find our tables before the user's.
DO $$
BEGIN
    IF current_user = 'electric' THEN
        EXECUTE format(
            'ALTER ROLE CURRENT_USER IN DATABASE %I SET search_path = public', current_database()
        );
    END IF;
END
$$;
