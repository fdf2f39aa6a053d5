-- A hub as format 3 made it (pg_dump): a device, direct writes, something forgotten, a tombstone, a quarantined transaction.

CREATE SCHEMA electric;

CREATE FUNCTION electric.delete_1() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_1 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT o."id", here.xid, 1, here.id, 0, 0, ARRAY[0, 0, 0]::bigint[], ARRAY[o."id"::text, o."name"::text, o."n"::text]
FROM old_rows o
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE CASE
    WHEN s.deleted = 0 AND (excluded.deleted = 0 OR s.xid <> here.xid) THEN true
    WHEN s.deleted <> 0 AND excluded.deleted <> 0 THEN false
    ELSE (excluded.deleted = 0) = EXISTS (SELECT FROM public."parents" u WHERE u."id" = excluded.k0)
END;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 1)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE FUNCTION electric.delete_2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_2 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT o."id", here.xid, 1, here.id, 0, 0, ARRAY[0, 0, 0]::bigint[], ARRAY[o."id"::text, o."parent"::text, o."n"::text]
FROM old_rows o
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE CASE
    WHEN s.deleted = 0 AND (excluded.deleted = 0 OR s.xid <> here.xid) THEN true
    WHEN s.deleted <> 0 AND excluded.deleted <> 0 THEN false
    ELSE (excluded.deleted = 0) = EXISTS (SELECT FROM public."children" u WHERE u."id" = excluded.k0)
END;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 2)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE FUNCTION electric.insert_1() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_1 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT n."id", here.xid, 1, 0, here.id, 0, ARRAY[here.id, CASE WHEN n."name" IS NULL THEN -here.id ELSE here.id END, CASE WHEN n."n" IS NULL THEN -here.id ELSE here.id END], NULL
FROM new_rows n
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE CASE
    WHEN s.deleted = 0 AND (excluded.deleted = 0 OR s.xid <> here.xid) THEN true
    WHEN s.deleted <> 0 AND excluded.deleted <> 0 THEN false
    ELSE (excluded.deleted = 0) = EXISTS (SELECT FROM public."parents" u WHERE u."id" = excluded.k0)
END;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 1)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE FUNCTION electric.insert_2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_2 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT n."id", here.xid, 1, 0, here.id, 0, ARRAY[here.id, CASE WHEN n."parent" IS NULL THEN -here.id ELSE here.id END, CASE WHEN n."n" IS NULL THEN -here.id ELSE here.id END], NULL
FROM new_rows n
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE CASE
    WHEN s.deleted = 0 AND (excluded.deleted = 0 OR s.xid <> here.xid) THEN true
    WHEN s.deleted <> 0 AND excluded.deleted <> 0 THEN false
    ELSE (excluded.deleted = 0) = EXISTS (SELECT FROM public."children" u WHERE u."id" = excluded.k0)
END;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 2)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE FUNCTION electric.stamp_clock() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
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

CREATE FUNCTION electric.truncate_1() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_1 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT o."id", here.xid, 1, here.id, 0, 0, ARRAY[0, 0, 0]::bigint[], ARRAY[o."id"::text, o."name"::text, o."n"::text]
FROM public."parents" o
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE s.deleted = 0;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 1)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE FUNCTION electric.truncate_2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_2 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT o."id", here.xid, 1, here.id, 0, 0, ARRAY[0, 0, 0]::bigint[], ARRAY[o."id"::text, o."parent"::text, o."n"::text]
FROM public."children" o
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE s.deleted = 0;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 2)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE FUNCTION electric.update_1() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_1 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT coalesce(n."id", o."id"), here.xid, 1, CASE WHEN n."id" IS NULL THEN here.id ELSE 0 END, here.id, 0,
    CASE WHEN n."id" IS NULL THEN ARRAY[0, 0, 0]::bigint[]
        WHEN o."id" IS NULL THEN ARRAY[here.id, CASE WHEN n."name" IS NULL THEN -here.id ELSE here.id END, CASE WHEN n."n" IS NULL THEN -here.id ELSE here.id END]
        ELSE ARRAY[0, CASE WHEN n."name" IS DISTINCT FROM o."name" THEN here.id ELSE 0 END, CASE WHEN n."n" IS DISTINCT FROM o."n" THEN here.id ELSE 0 END]::bigint[] END,
    CASE WHEN n."id" IS NULL THEN ARRAY[o."id"::text, o."name"::text, o."n"::text] END
FROM old_rows o FULL JOIN new_rows n ON n."id" = o."id"
WHERE n."id" IS NULL OR o."id" IS NULL OR n."name" IS DISTINCT FROM o."name" OR n."n" IS DISTINCT FROM o."n"
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE CASE
    WHEN s.deleted = 0 AND (excluded.deleted = 0 OR s.xid <> here.xid) THEN true
    WHEN s.deleted <> 0 AND excluded.deleted <> 0 THEN false
    ELSE (excluded.deleted = 0) = EXISTS (SELECT FROM public."parents" u WHERE u."id" = excluded.k0)
END;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 1)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE FUNCTION electric.update_2() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1'
    AS $$
<<here>>
DECLARE
    xid CONSTANT xid8 := pg_current_xact_id();
    id CONSTANT bigint := xid::text::bigint << 10;
BEGIN
INSERT INTO electric.shadow_2 AS s
    (k0, xid, incarnation, deleted, touched, touched_before, writers, kept)
SELECT coalesce(n."id", o."id"), here.xid, 1, CASE WHEN n."id" IS NULL THEN here.id ELSE 0 END, here.id, 0,
    CASE WHEN n."id" IS NULL THEN ARRAY[0, 0, 0]::bigint[]
        WHEN o."id" IS NULL THEN ARRAY[here.id, CASE WHEN n."parent" IS NULL THEN -here.id ELSE here.id END, CASE WHEN n."n" IS NULL THEN -here.id ELSE here.id END]
        ELSE ARRAY[0, CASE WHEN n."parent" IS DISTINCT FROM o."parent" THEN here.id ELSE 0 END, CASE WHEN n."n" IS DISTINCT FROM o."n" THEN here.id ELSE 0 END]::bigint[] END,
    CASE WHEN n."id" IS NULL THEN ARRAY[o."id"::text, o."parent"::text, o."n"::text] END
FROM old_rows o FULL JOIN new_rows n ON n."id" = o."id"
WHERE n."id" IS NULL OR o."id" IS NULL OR n."parent" IS DISTINCT FROM o."parent" OR n."n" IS DISTINCT FROM o."n"
ON CONFLICT (k0) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[coalesce(nullif(excluded.writers[1], 0), s.writers[1], 0), coalesce(nullif(excluded.writers[2], 0), s.writers[2], 0), coalesce(nullif(excluded.writers[3], 0), s.writers[3], 0)] END,
    kept = excluded.kept
WHERE CASE
    WHEN s.deleted = 0 AND (excluded.deleted = 0 OR s.xid <> here.xid) THEN true
    WHEN s.deleted <> 0 AND excluded.deleted <> 0 THEN false
    ELSE (excluded.deleted = 0) = EXISTS (SELECT FROM public."children" u WHERE u."id" = excluded.k0)
END;
IF FOUND THEN
    INSERT INTO electric.touched VALUES (here.xid, 2)
    ON CONFLICT DO NOTHING;
END IF;
RETURN NULL;
END
$$;

CREATE TABLE electric.devices (
    device text NOT NULL,
    origin integer NOT NULL,
    number bigint DEFAULT 0 NOT NULL,
    hlc bigint DEFAULT 0 NOT NULL,
    cursor text,
    schema_version text,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    session bigint DEFAULT 0 NOT NULL,
    merged bigint DEFAULT 0 NOT NULL,
    needs bigint DEFAULT 0 NOT NULL
);

ALTER TABLE electric.devices ALTER COLUMN origin ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME electric.devices_origin_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE electric.quarantine (
    origin integer NOT NULL,
    number bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    transaction bytea NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    changes integer,
    fate text DEFAULT 'waiting'::text NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT quarantine_fate_check CHECK ((fate = ANY (ARRAY['waiting'::text, 'retried'::text, 'discarded'::text])))
);

CREATE VIEW electric.fates AS
 SELECT device,
    origin,
    number,
    merged,
    waiting,
    retried,
    discarded,
    last,
    ((number = (((merged + waiting) + retried) + discarded)) AND (last <= number)) AS holds
   FROM ( SELECT d.device,
            d.origin,
            d.number,
            d.merged,
            count(*) FILTER (WHERE (q.fate = 'waiting'::text)) AS waiting,
            count(*) FILTER (WHERE (q.fate = 'retried'::text)) AS retried,
            count(*) FILTER (WHERE (q.fate = 'discarded'::text)) AS discarded,
            COALESCE(max(q.number), (0)::bigint) AS last
           FROM (electric.devices d
             LEFT JOIN electric.quarantine q USING (origin))
          GROUP BY d.device, d.origin, d.number, d.merged) counted;

CREATE TABLE electric.hub (
    format integer NOT NULL,
    epoch text NOT NULL,
    app text NOT NULL,
    env text NOT NULL,
    horizon bigint DEFAULT 0 NOT NULL,
    expiry_days integer
);

CREATE TABLE electric.migrations (
    "position" integer NOT NULL,
    name text NOT NULL,
    title text NOT NULL,
    sha256 text NOT NULL,
    source text NOT NULL,
    statements text[] NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE electric.shadow_1 (
    k0 text NOT NULL COLLATE pg_catalog."C",
    xid xid8 NOT NULL,
    incarnation integer NOT NULL,
    deleted bigint NOT NULL,
    touched bigint NOT NULL,
    touched_before bigint NOT NULL,
    writers bigint[] NOT NULL,
    kept text[]
);

CREATE TABLE electric.shadow_2 (
    k0 text NOT NULL COLLATE pg_catalog."C",
    xid xid8 NOT NULL,
    incarnation integer NOT NULL,
    deleted bigint NOT NULL,
    touched bigint NOT NULL,
    touched_before bigint NOT NULL,
    writers bigint[] NOT NULL,
    kept text[]
);

CREATE TABLE electric.touched (
    xid xid8 NOT NULL,
    tbl integer NOT NULL
);

CREATE TABLE electric.transactions (
    id bigint NOT NULL,
    origin integer NOT NULL,
    number bigint NOT NULL,
    hlc bigint NOT NULL,
    schema_version text,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.children (
    id text NOT NULL COLLATE pg_catalog."C",
    parent text COLLATE pg_catalog."C",
    n bigint
);

CREATE TABLE public.parents (
    id text NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    n bigint
);

INSERT INTO electric.devices OVERRIDING SYSTEM VALUE VALUES ('device-of-format-3', 1, 4, 117671218146639902, '45e305b84f872897/759:759:', NULL, '2026-11-24 11:38:16.469638+00', 1, 3, 759);

INSERT INTO electric.hub VALUES (3, '45e305b84f872897', 'test', 'default', 759, NULL);

INSERT INTO electric.migrations VALUES (1, '20240101000000000_m', 'm', '5e9ceb12c7e47ec550dab21da3c1595286cccf26ddd2222f0f59f8119792999e', '
CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, name TEXT, n INTEGER);
CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents, n INTEGER);
', '{"CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, name TEXT, n INTEGER)","CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents, n INTEGER)","DROP TRIGGER IF EXISTS _electric_insert_1","CREATE TRIGGER _electric_insert_1 AFTER INSERT ON \"parents\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard)
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 1, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    CASE WHEN typeof(NEW.\"id\") = ''text'' AND (length(NEW.\"id\") = length(CAST(NEW.\"id\" AS BLOB)) OR NOT instr(NEW.\"id\", char(0))) THEN NEW.\"id\" ELSE json_extract(''{}'', ''electric: parents.id is TEXT and part of the primary key and cannot hold '' || substr(quote(NEW.\"id\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"name\" IS NULL OR typeof(NEW.\"name\") = ''text'' AND (length(NEW.\"name\") = length(CAST(NEW.\"name\" AS BLOB)) OR NOT instr(NEW.\"name\", char(0))) THEN NEW.\"name\" ELSE json_extract(''{}'', ''electric: parents.name is TEXT and cannot hold '' || substr(quote(NEW.\"name\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"n\" IS NULL OR typeof(NEW.\"n\") = ''integer'' THEN NEW.\"n\" ELSE json_extract(''{}'', ''electric: parents.n is INTEGER and cannot hold '' || substr(quote(NEW.\"n\"), 1, 80) || '' [type-mismatch]'') END);
END","DROP TRIGGER IF EXISTS _electric_update_1","CREATE TRIGGER _electric_update_1 AFTER UPDATE ON \"parents\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NEW.\"id\" IS OLD.\"id\"
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 2, ((NEW.\"name\" IS NOT OLD.\"name\") << 1) | ((NEW.\"n\" IS NOT OLD.\"n\") << 2), CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    OLD.\"id\",
    CASE WHEN NEW.\"name\" IS NOT OLD.\"name\" THEN CASE WHEN NEW.\"name\" IS NULL OR typeof(NEW.\"name\") = ''text'' AND (length(NEW.\"name\") = length(CAST(NEW.\"name\" AS BLOB)) OR NOT instr(NEW.\"name\", char(0))) THEN NEW.\"name\" ELSE json_extract(''{}'', ''electric: parents.name is TEXT and cannot hold '' || substr(quote(NEW.\"name\"), 1, 80) || '' [type-mismatch]'') END END,
    CASE WHEN NEW.\"n\" IS NOT OLD.\"n\" THEN CASE WHEN NEW.\"n\" IS NULL OR typeof(NEW.\"n\") = ''integer'' THEN NEW.\"n\" ELSE json_extract(''{}'', ''electric: parents.n is INTEGER and cannot hold '' || substr(quote(NEW.\"n\"), 1, 80) || '' [type-mismatch]'') END END);
END","DROP TRIGGER IF EXISTS _electric_rekey_1","CREATE TRIGGER _electric_rekey_1 AFTER UPDATE OF \"id\" ON \"parents\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NOT (NEW.\"id\" IS OLD.\"id\")
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 3, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    OLD.\"id\",
    OLD.\"name\",
    OLD.\"n\");
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 1, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    CASE WHEN typeof(NEW.\"id\") = ''text'' AND (length(NEW.\"id\") = length(CAST(NEW.\"id\" AS BLOB)) OR NOT instr(NEW.\"id\", char(0))) THEN NEW.\"id\" ELSE json_extract(''{}'', ''electric: parents.id is TEXT and part of the primary key and cannot hold '' || substr(quote(NEW.\"id\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"name\" IS NULL OR typeof(NEW.\"name\") = ''text'' AND (length(NEW.\"name\") = length(CAST(NEW.\"name\" AS BLOB)) OR NOT instr(NEW.\"name\", char(0))) THEN NEW.\"name\" ELSE json_extract(''{}'', ''electric: parents.name is TEXT and cannot hold '' || substr(quote(NEW.\"name\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"n\" IS NULL OR typeof(NEW.\"n\") = ''integer'' THEN NEW.\"n\" ELSE json_extract(''{}'', ''electric: parents.n is INTEGER and cannot hold '' || substr(quote(NEW.\"n\"), 1, 80) || '' [type-mismatch]'') END);
END","DROP TRIGGER IF EXISTS _electric_delete_1","CREATE TRIGGER _electric_delete_1 AFTER DELETE ON \"parents\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard)
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 3, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    OLD.\"id\",
    OLD.\"name\",
    OLD.\"n\");
END","DROP TRIGGER IF EXISTS _electric_insert_2","CREATE TRIGGER _electric_insert_2 AFTER INSERT ON \"children\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard)
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (2, 1, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    CASE WHEN typeof(NEW.\"id\") = ''text'' AND (length(NEW.\"id\") = length(CAST(NEW.\"id\" AS BLOB)) OR NOT instr(NEW.\"id\", char(0))) THEN NEW.\"id\" ELSE json_extract(''{}'', ''electric: children.id is TEXT and part of the primary key and cannot hold '' || substr(quote(NEW.\"id\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"parent\" IS NULL OR typeof(NEW.\"parent\") = ''text'' AND (length(NEW.\"parent\") = length(CAST(NEW.\"parent\" AS BLOB)) OR NOT instr(NEW.\"parent\", char(0))) THEN NEW.\"parent\" ELSE json_extract(''{}'', ''electric: children.parent is TEXT and cannot hold '' || substr(quote(NEW.\"parent\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"n\" IS NULL OR typeof(NEW.\"n\") = ''integer'' THEN NEW.\"n\" ELSE json_extract(''{}'', ''electric: children.n is INTEGER and cannot hold '' || substr(quote(NEW.\"n\"), 1, 80) || '' [type-mismatch]'') END);
END","DROP TRIGGER IF EXISTS _electric_update_2","CREATE TRIGGER _electric_update_2 AFTER UPDATE ON \"children\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NEW.\"id\" IS OLD.\"id\"
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (2, 2, ((NEW.\"parent\" IS NOT OLD.\"parent\") << 1) | ((NEW.\"n\" IS NOT OLD.\"n\") << 2), CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    OLD.\"id\",
    CASE WHEN NEW.\"parent\" IS NOT OLD.\"parent\" THEN CASE WHEN NEW.\"parent\" IS NULL OR typeof(NEW.\"parent\") = ''text'' AND (length(NEW.\"parent\") = length(CAST(NEW.\"parent\" AS BLOB)) OR NOT instr(NEW.\"parent\", char(0))) THEN NEW.\"parent\" ELSE json_extract(''{}'', ''electric: children.parent is TEXT and cannot hold '' || substr(quote(NEW.\"parent\"), 1, 80) || '' [type-mismatch]'') END END,
    CASE WHEN NEW.\"n\" IS NOT OLD.\"n\" THEN CASE WHEN NEW.\"n\" IS NULL OR typeof(NEW.\"n\") = ''integer'' THEN NEW.\"n\" ELSE json_extract(''{}'', ''electric: children.n is INTEGER and cannot hold '' || substr(quote(NEW.\"n\"), 1, 80) || '' [type-mismatch]'') END END);
END","DROP TRIGGER IF EXISTS _electric_rekey_2","CREATE TRIGGER _electric_rekey_2 AFTER UPDATE OF \"id\" ON \"children\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NOT (NEW.\"id\" IS OLD.\"id\")
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (2, 3, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    OLD.\"id\",
    OLD.\"parent\",
    OLD.\"n\");
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (2, 1, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    CASE WHEN typeof(NEW.\"id\") = ''text'' AND (length(NEW.\"id\") = length(CAST(NEW.\"id\" AS BLOB)) OR NOT instr(NEW.\"id\", char(0))) THEN NEW.\"id\" ELSE json_extract(''{}'', ''electric: children.id is TEXT and part of the primary key and cannot hold '' || substr(quote(NEW.\"id\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"parent\" IS NULL OR typeof(NEW.\"parent\") = ''text'' AND (length(NEW.\"parent\") = length(CAST(NEW.\"parent\" AS BLOB)) OR NOT instr(NEW.\"parent\", char(0))) THEN NEW.\"parent\" ELSE json_extract(''{}'', ''electric: children.parent is TEXT and cannot hold '' || substr(quote(NEW.\"parent\"), 1, 80) || '' [type-mismatch]'') END,
    CASE WHEN NEW.\"n\" IS NULL OR typeof(NEW.\"n\") = ''integer'' THEN NEW.\"n\" ELSE json_extract(''{}'', ''electric: children.n is INTEGER and cannot hold '' || substr(quote(NEW.\"n\"), 1, 80) || '' [type-mismatch]'') END);
END","DROP TRIGGER IF EXISTS _electric_delete_2","CREATE TRIGGER _electric_delete_2 AFTER DELETE ON \"children\"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard)
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (2, 3, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),
    OLD.\"id\",
    OLD.\"parent\",
    OLD.\"n\");
END"}', '755', '2026-11-24 11:38:16.082605+00');

INSERT INTO electric.quarantine VALUES (1, 4, '769', 'foreign-key', 'children (''c2'',) refers to parents (''nobody'',), which does not exist.', '\x656e636f646564', '2026-11-24 11:38:16.469638+00', 1, 'waiting', NULL);

INSERT INTO electric.shadow_1 VALUES ('ann', '766', 1, 0, 784384, 0, '{782336,782336,784384}', NULL);
INSERT INTO electric.shadow_1 VALUES ('bob', '770', 1, 788480, 782336, 0, '{782336,782336,782336}', '{bob,Bob,1}');

INSERT INTO electric.shadow_2 VALUES ('c2', '769', 1, 787456, 0, 0, '{0,0,0}', '{c2,NULL,NULL}');
INSERT INTO electric.shadow_2 VALUES ('c1', '771', 1, 0, 789504, 786433, '{783361,783361,789504}', NULL);

INSERT INTO electric.touched VALUES ('764', 1);
INSERT INTO electric.touched VALUES ('765', 2);
INSERT INTO electric.touched VALUES ('766', 1);
INSERT INTO electric.touched VALUES ('767', 2);
INSERT INTO electric.touched VALUES ('768', 2);
INSERT INTO electric.touched VALUES ('769', 2);
INSERT INTO electric.touched VALUES ('769', -1);
INSERT INTO electric.touched VALUES ('770', 1);
INSERT INTO electric.touched VALUES ('771', 2);

INSERT INTO electric.transactions VALUES (776192, 0, 0, 117671218140217344, NULL, '2026-11-24 11:38:16.328776+00');
INSERT INTO electric.transactions VALUES (782336, 0, 0, 117671218143559680, NULL, '2026-11-24 11:38:16.380368+00');
INSERT INTO electric.transactions VALUES (783361, 1, 1, 117671218140217345, NULL, '2026-11-24 11:38:16.422769+00');
INSERT INTO electric.transactions VALUES (783360, 0, 0, 117671218146574336, NULL, '2026-11-24 11:38:16.425839+00');
INSERT INTO electric.transactions VALUES (784384, 0, 0, 117671218146639872, NULL, '2026-11-24 11:38:16.42745+00');
INSERT INTO electric.transactions VALUES (785409, 1, 2, 117671218146639879, NULL, '2026-11-24 11:38:16.453881+00');
INSERT INTO electric.transactions VALUES (785408, 0, 0, 117671218148540416, NULL, '2026-11-24 11:38:16.456148+00');
INSERT INTO electric.transactions VALUES (786433, 1, 3, 117671218146639882, NULL, '2026-11-24 11:38:16.469009+00');
INSERT INTO electric.transactions VALUES (786432, 0, 0, 117671218149392384, NULL, '2026-11-24 11:38:16.469239+00');
INSERT INTO electric.transactions VALUES (787456, 0, 0, 117671218151161856, NULL, '2026-11-24 11:38:16.496066+00');
INSERT INTO electric.transactions VALUES (788480, 0, 0, 117671218151882752, NULL, '2026-11-24 11:38:16.507096+00');
INSERT INTO electric.transactions VALUES (789504, 0, 0, 117671218152013824, NULL, '2026-11-24 11:38:16.50878+00');

INSERT INTO public.children VALUES ('c1', 'ann', 1);

INSERT INTO public.parents VALUES ('ann', 'Ann', 2);

SELECT pg_catalog.setval('electric.devices_origin_seq', 1, true);

ALTER TABLE ONLY electric.devices
    ADD CONSTRAINT devices_origin_key UNIQUE (origin);

ALTER TABLE ONLY electric.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (device);

ALTER TABLE ONLY electric.migrations
    ADD CONSTRAINT migrations_name_key UNIQUE (name);

ALTER TABLE ONLY electric.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY electric.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (origin, number);

ALTER TABLE ONLY electric.shadow_1
    ADD CONSTRAINT shadow_1_pkey PRIMARY KEY (k0);

ALTER TABLE ONLY electric.shadow_2
    ADD CONSTRAINT shadow_2_pkey PRIMARY KEY (k0);

ALTER TABLE ONLY electric.touched
    ADD CONSTRAINT touched_pkey PRIMARY KEY (xid, tbl);

ALTER TABLE ONLY electric.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.children
    ADD CONSTRAINT children_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.parents
    ADD CONSTRAINT parents_pkey PRIMARY KEY (id);

CREATE INDEX shadow_1_dead ON electric.shadow_1 USING btree (xid) WHERE (deleted <> 0);

CREATE INDEX shadow_1_xid ON electric.shadow_1 USING btree (xid);

CREATE INDEX shadow_2_dead ON electric.shadow_2 USING btree (xid) WHERE (deleted <> 0);

CREATE INDEX shadow_2_xid ON electric.shadow_2 USING btree (xid);

CREATE INDEX transactions_hlc ON electric.transactions USING btree (hlc);

CREATE CONSTRAINT TRIGGER stamp_clock AFTER INSERT ON electric.touched DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION electric.stamp_clock();

CREATE TRIGGER electric_delete AFTER DELETE ON public.children REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.delete_2();

CREATE TRIGGER electric_delete AFTER DELETE ON public.parents REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.delete_1();

CREATE TRIGGER electric_insert AFTER INSERT ON public.children REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.insert_2();

CREATE TRIGGER electric_insert AFTER INSERT ON public.parents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.insert_1();

CREATE TRIGGER electric_truncate BEFORE TRUNCATE ON public.children FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.truncate_2();

CREATE TRIGGER electric_truncate BEFORE TRUNCATE ON public.parents FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.truncate_1();

CREATE TRIGGER electric_update AFTER UPDATE ON public.children REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.update_2();

CREATE TRIGGER electric_update AFTER UPDATE ON public.parents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (((pg_trigger_depth() > 0) OR (current_setting('electric.merging'::text, true) IS DISTINCT FROM 'on'::text))) EXECUTE FUNCTION electric.update_1();

ALTER TABLE ONLY public.children
    ADD CONSTRAINT children_parent_fkey FOREIGN KEY (parent) REFERENCES public.parents(id) DEFERRABLE INITIALLY DEFERRED;
