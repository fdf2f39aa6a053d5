-- Format 7: tables keep their rows to a size that every device can hold, as new ones do from the
-- start (`ROW_CHECK` in schema/postgres.py). Rows that are there already are not read for it; tables
-- that belong to somebody else stay as they are.

DO $$
DECLARE
    t record;
BEGIN
    PERFORM set_config('electric.migrating', 'on', true), set_config('lock_timeout', '2s', true);
    FOR t IN
        SELECT c.oid::regclass AS name, c.relname, string_agg(
            format('coalesce(octet_length(%I%s), 0)', a.attname,
                CASE WHEN y.typname = 'bytea' THEN '' ELSE '::text' END),
            ' + ' ORDER BY a.attnum
        ) AS size
        FROM (SELECT DISTINCT e.name FROM electric.expected e) e
        JOIN pg_class c ON c.relname = e.name AND c.relnamespace = 'public'::regnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attgenerated = ''
        JOIN pg_type y ON y.oid = a.atttypid
        WHERE y.typname IN ('text', 'varchar', 'bpchar', 'bytea', 'json', 'jsonb')
            AND NOT EXISTS (SELECT FROM pg_constraint k
                WHERE k.conrelid = c.oid AND k.contype = 'p' AND a.attnum = ANY(k.conkey))
            AND NOT EXISTS (SELECT FROM pg_constraint k
                WHERE k.conrelid = c.oid AND k.conname = 'electric_row_at_most_32_MiB')
        GROUP BY c.oid
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT "electric_row_at_most_32_MiB"'
                ' CHECK (%s <= 33554432) NOT VALID', t.name, t.size);
            INSERT INTO electric.expected SELECT t.relname, f.kind, f.feature, f.definition
            FROM electric.features(t.relname) f WHERE f.feature = 'electric_row_at_most_32_MiB';
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
    END LOOP;
    PERFORM set_config('electric.migrating', '', true);
END
$$;
