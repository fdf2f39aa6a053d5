-- Each type that can be computed, virtual or stored.
--- migration 1
CREATE TABLE t (
    full TEXT GENERATED ALWAYS AS (trim(first || ' ' || coalesce(last, ''))) STORED,
    id TEXT PRIMARY KEY NOT NULL, first TEXT NOT NULL, last TEXT, n INTEGER, r REAL, m NUMERIC, done BOOLEAN, gone TIMESTAMP,
    next INT AS (n + 1), hundreds INTEGER AS (n / 100), rest INTEGER AS (n % 100) VIRTUAL, chars INTEGER AS (length(last)),
    pay REAL AS (CASE WHEN r > 0 THEN r ELSE 0.5 END), due NUMERIC AS (coalesce(m, 1.5)),
    is_gone BOOLEAN AS (gone IS NOT NULL) STORED, is_open BOOLEAN NOT NULL AS (done IS NULL OR done = 0), points INTEGER AS (done), one INTEGER AS (1)
);
--- row
INSERT INTO t VALUES ('a', 'Ann', NULL, 1234, -1.5, NULL, 0, '2024-02-29 12:00:00'), ('b', 'Bob', 'Ä', -1234, 2.25, 12.5, NULL, NULL), ('c', '', '', NULL, NULL, 3, 1, NULL);
