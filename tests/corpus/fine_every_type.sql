-- Each type that there is.
--- migration 1
CREATE TABLE everything (
    id TEXT PRIMARY KEY NOT NULL, i INTEGER, r REAL, t TEXT, b BLOB, o BOOLEAN, d DATE, c TIME,
    ts TIMESTAMP, tz TIMESTAMPTZ, u UUID, j JSON, n NUMERIC
);
--- row
INSERT INTO everything VALUES ('a', -9223372036854775808, 1e308, 'ä', x'', 1, '2024-02-29', '23:59:59',
    '2024-02-29 23:59:59', '2024-02-29 23:59:59+00:00', '00112233-4455-6677-8899-aabbccddeeff', '{"a": [1]}', 1.5);
