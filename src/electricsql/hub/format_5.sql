-- Format 5: what a migration has left of the tables, so that it is noticed when somebody changes
-- them otherwise ("drift").

-- What a table has that replication relies on, or has to mind: columns, constraints, unique
-- indexes, and our own triggers. `since` is known if Postgres keeps the times of commits.
CREATE FUNCTION electric.features(name text)
    RETURNS TABLE (kind text, feature text, definition text, since timestamptz)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH this AS (
        SELECT oid FROM pg_class
        WHERE relname = $1 AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    ), found AS (
        SELECT 'table' AS kind, '' AS feature, '' AS definition, NULL::xid AS xmin FROM this
        UNION ALL
        SELECT 'column', a.attname, concat_ws(
            ' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END
        ), a.xmin
        FROM this JOIN pg_attribute a ON a.attrelid = this.oid
        WHERE a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT 'constraint', k.conname, pg_get_constraintdef(k.oid), k.xmin
        FROM this JOIN pg_constraint k ON k.conrelid = this.oid
        WHERE k.contype IN ('p', 'u', 'f', 'c', 'x')
        UNION ALL
        SELECT 'unique index', n.relname, pg_get_indexdef(n.oid), n.xmin
        FROM this JOIN pg_index i ON i.indrelid = this.oid JOIN pg_class n ON n.oid = i.indexrelid
        WHERE i.indisunique
            AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
                AND k.contype IN ('p', 'u', 'x'))
        UNION ALL
        SELECT 'trigger', t.tgname, pg_get_triggerdef(t.oid)
            || CASE WHEN t.tgenabled = 'D' THEN ' (disabled)' ELSE '' END, t.xmin
        FROM this JOIN pg_trigger t ON t.tgrelid = this.oid
        WHERE t.tgname LIKE 'electric\_%' AND NOT t.tgisinternal
    )
    SELECT found.kind, found.feature, found.definition,
        CASE WHEN current_setting('track_commit_timestamp') = 'on' AND xmin IS NOT NULL
        THEN pg_xact_commit_timestamp(xmin) END
    FROM found
$$;

CREATE TABLE electric.expected (
    name text,
    kind text,
    feature text,
    definition text NOT NULL,
    PRIMARY KEY (name, kind, feature)
);

INSERT INTO electric.expected
SELECT c.relname, f.kind, f.feature, f.definition
FROM (
    SELECT DISTINCT tgrelid FROM pg_trigger WHERE tgname = 'electric_insert' AND NOT tgisinternal
) t
JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = 'public'::regnamespace
CROSS JOIN electric.features(c.relname) f;

-- How the tables differ from that. `breaks` but for a rule that somebody has added: what devices
-- write against it goes to the quarantine, which may be meant.
CREATE VIEW electric.drift AS
SELECT *, NOT (kind IN ('constraint', 'unique index') AND expected IS NULL) AS breaks
FROM (
    SELECT name, kind, feature, e.definition AS expected, f.definition AS found, f.since
    FROM electric.expected e
    FULL JOIN (
        SELECT t.name, f.* FROM (SELECT DISTINCT name FROM electric.expected) t
        CROSS JOIN electric.features(t.name) f
    ) f USING (name, kind, feature)
    WHERE e.definition IS DISTINCT FROM f.definition
) d;

-- Refuses such changes before they are there, where we may have an event trigger. Whoever means it
-- sets electric.migrating to on.
CREATE FUNCTION electric.refuse_drift() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    touched text[];
    is_renamed boolean := false;
    drift record;
BEGIN
    IF current_setting('electric.migrating', true) = 'on' THEN
        RETURN;
    ELSIF TG_EVENT = 'sql_drop' THEN
        SELECT array_agg(coalesce(e.name, d.address_names[2])) INTO touched
        FROM pg_event_trigger_dropped_objects() d LEFT JOIN electric.expected e
            ON d.object_type = 'index' AND e.kind = 'unique index'
            AND e.feature = d.address_names[2]
        WHERE d.address_names[1] = 'public';
    ELSE
        SELECT array_agg(c.relname), coalesce(bool_or(o.oid IS NOT NULL AND NOT EXISTS (
            SELECT FROM electric.expected e WHERE e.name = c.relname
        )), false) INTO touched, is_renamed
        FROM pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
        LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
        JOIN pg_class c ON c.oid = coalesce(i.indrelid, t.tgrelid, d.objid)
        LEFT JOIN pg_trigger o ON o.tgrelid = c.oid AND o.tgname = 'electric_insert'
        WHERE c.relnamespace = 'public'::regnamespace;
    END IF;
    IF NOT (is_renamed OR EXISTS (
        SELECT FROM electric.expected WHERE name = ANY(coalesce(touched, '{}'))
    )) THEN
        RETURN;
    END IF;
    SELECT * INTO drift FROM electric.drift
    WHERE breaks AND (name = ANY(touched) OR is_renamed AND kind = 'table')
    ORDER BY kind <> 'table' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('Table %I is replicated to devices, which would not hear of this: %s.',
                drift.name, concat_ws(' ', drift.kind, nullif(drift.feature, ''),
                CASE WHEN drift.found IS NULL THEN 'is gone'
                    WHEN drift.expected IS NULL THEN 'is new' ELSE 'is another' END)),
            HINT = 'Write a migration (electric migrations new), and run electric sync. To do it all'
                ' the same, SET electric.migrating = ''on'' first.';
    END IF;
END
$$;

DO $$
BEGIN
    CREATE EVENT TRIGGER electric_refuse_drift ON ddl_command_end
        EXECUTE FUNCTION electric.refuse_drift();
    CREATE EVENT TRIGGER electric_refuse_drops ON sql_drop
        EXECUTE FUNCTION electric.refuse_drift();
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END
$$;
