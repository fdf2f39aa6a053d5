-- Format 6: what computes a generated column is part of what a migration has left.

CREATE OR REPLACE FUNCTION electric.features(name text)
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
            ' ', format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attgenerated <> '' THEN
                'GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ')'
                || CASE WHEN a.attgenerated = 's' THEN ' STORED' ELSE '' END
            END,
            CASE WHEN a.attnotnull THEN 'NOT NULL' END
        ), a.xmin
        FROM this JOIN pg_attribute a ON a.attrelid = this.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
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

-- Tables that were there before may have such columns, of which their type alone was noted.
UPDATE electric.expected e SET definition = f.definition
FROM (SELECT DISTINCT name FROM electric.expected) t CROSS JOIN electric.features(t.name) f
WHERE (e.name, e.kind, e.feature) = (t.name, f.kind, f.feature) AND e.kind = 'column'
    AND f.definition LIKE '% GENERATED ALWAYS AS (%'
    AND e.definition = concat_ws(' ', split_part(f.definition, ' GENERATED ALWAYS AS (', 1),
        CASE WHEN f.definition LIKE '% NOT NULL' THEN 'NOT NULL' END);
