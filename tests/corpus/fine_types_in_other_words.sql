-- SQLite users write types in many ways.
--- migration 1
create table t (id text primary key not null, a int, b bigint, c smallint, d tinyint, e double precision, f float,
    g clob, h datetime, i bool, j decimal);
--- row
INSERT INTO t VALUES ('a', 1, 2, 3, 4, 5.5, 6.5, 'g', '2024-01-01 00:00:00', 0, 7);
