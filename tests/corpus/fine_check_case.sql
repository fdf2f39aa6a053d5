-- CASE, coalesce, nullif, trim and replace are portable.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL,
    name TEXT CHECK (CASE WHEN name IS NULL THEN coalesce(nullif(trim(name), ''), 'x') = 'x' ELSE length(replace(name, ' ', '')) > 0 END));
--- row
INSERT INTO t VALUES ('a', 'b c');
