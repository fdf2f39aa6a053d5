-- Comments before, between, inside and after.
--- migration 1
/* first */ CREATE /* a */ TABLE -- b
t /* c */ ( -- d
    id TEXT /* e; */ PRIMARY KEY NOT NULL -- f;
) /* g */; -- h
/* last */
--- row
INSERT INTO t VALUES ('a');
