-- A device's file as format 6 made it: two sealed transactions that were not sent, what is not sealed, and
-- the beginning of a delta.
BEGIN TRANSACTION;
CREATE TABLE _electric_displaced (
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    block BLOB NOT NULL,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID;
CREATE TABLE _electric_earlier (
    device TEXT PRIMARY KEY NOT NULL,
    acknowledged INTEGER NOT NULL,
    until TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;
CREATE TABLE _electric_guard (x);
CREATE TABLE _electric_lives (
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    alive INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID;
INSERT INTO "_electric_lives" VALUES(1,'''gone''',1,0,0);
INSERT INTO "_electric_lives" VALUES(1,'''x''',1,0,0);
INSERT INTO "_electric_lives" VALUES(1,'''y''',1,0,0);
CREATE TABLE _electric_meta (
    key TEXT PRIMARY KEY NOT NULL,
    value
) WITHOUT ROWID;
INSERT INTO "_electric_meta" VALUES('acknowledged',3);
INSERT INTO "_electric_meta" VALUES('app','shop');
INSERT INTO "_electric_meta" VALUES('cursor','epoch/8:8:');
INSERT INTO "_electric_meta" VALUES('device','0123456789abcdef0123456789abcdef');
INSERT INTO "_electric_meta" VALUES('env','local');
INSERT INTO "_electric_meta" VALUES('format',6);
INSERT INTO "_electric_meta" VALUES('hlc',111411200000327680);
INSERT INTO "_electric_meta" VALUES('number',5);
INSERT INTO "_electric_meta" VALUES('origin',1);
INSERT INTO "_electric_meta" VALUES('reconciling',0);
INSERT INTO "_electric_meta" VALUES('staged_for','epoch/8:8: False 20240101000000001_m1');
CREATE TABLE _electric_migrations (
    name TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    statements TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;
INSERT INTO "_electric_migrations" VALUES('20240101000000001_m1','m1','40eeead90703e3e6d713e78a129005cada44023b80f43230bf733286e6227aa0','["CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, done BOOLEAN NOT NULL DEFAULT 0)", "DROP TRIGGER IF EXISTS _electric_insert_1", "CREATE TRIGGER _electric_insert_1 AFTER INSERT ON \"notes\"\nWHEN NOT EXISTS (SELECT 1 FROM _electric_guard)\nBEGIN\n  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)\n  VALUES (1, 1, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),\n    CASE WHEN typeof(NEW.\"id\") = ''text'' AND (length(NEW.\"id\") = length(CAST(NEW.\"id\" AS BLOB)) OR NOT instr(NEW.\"id\", char(0))) THEN NEW.\"id\" ELSE json_extract(''{}'', ''electric: notes.id is TEXT and part of the primary key and cannot hold '' || substr(quote(NEW.\"id\"), 1, 80) || '' [type-mismatch]'') END,\n    CASE WHEN NEW.\"body\" IS NULL OR typeof(NEW.\"body\") = ''text'' AND (length(NEW.\"body\") = length(CAST(NEW.\"body\" AS BLOB)) OR NOT instr(NEW.\"body\", char(0))) THEN NEW.\"body\" ELSE json_extract(''{}'', ''electric: notes.body is TEXT and cannot hold '' || substr(quote(NEW.\"body\"), 1, 80) || '' [type-mismatch]'') END,\n    CASE WHEN typeof(NEW.\"done\") = ''integer'' AND NEW.\"done\" IN (0, 1) THEN NEW.\"done\" ELSE json_extract(''{}'', ''electric: notes.done is BOOLEAN and cannot hold '' || substr(quote(NEW.\"done\"), 1, 80) || '' [type-mismatch]'') END);\nEND", "DROP TRIGGER IF EXISTS _electric_update_1", "CREATE TRIGGER _electric_update_1 AFTER UPDATE ON \"notes\"\nWHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NEW.\"id\" IS OLD.\"id\"\nBEGIN\n  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)\n  VALUES (1, 2, ((NEW.\"body\" IS NOT OLD.\"body\") << 1) | ((NEW.\"done\" IS NOT OLD.\"done\") << 2), CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),\n    OLD.\"id\",\n    CASE WHEN NEW.\"body\" IS NOT OLD.\"body\" THEN CASE WHEN NEW.\"body\" IS NULL OR typeof(NEW.\"body\") = ''text'' AND (length(NEW.\"body\") = length(CAST(NEW.\"body\" AS BLOB)) OR NOT instr(NEW.\"body\", char(0))) THEN NEW.\"body\" ELSE json_extract(''{}'', ''electric: notes.body is TEXT and cannot hold '' || substr(quote(NEW.\"body\"), 1, 80) || '' [type-mismatch]'') END END,\n    CASE WHEN NEW.\"done\" IS NOT OLD.\"done\" THEN CASE WHEN typeof(NEW.\"done\") = ''integer'' AND NEW.\"done\" IN (0, 1) THEN NEW.\"done\" ELSE json_extract(''{}'', ''electric: notes.done is BOOLEAN and cannot hold '' || substr(quote(NEW.\"done\"), 1, 80) || '' [type-mismatch]'') END END);\nEND", "DROP TRIGGER IF EXISTS _electric_rekey_1", "CREATE TRIGGER _electric_rekey_1 AFTER UPDATE OF \"id\" ON \"notes\"\nWHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NOT (NEW.\"id\" IS OLD.\"id\")\nBEGIN\n  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)\n  VALUES (1, 3, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),\n    OLD.\"id\",\n    OLD.\"body\",\n    OLD.\"done\");\n  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)\n  VALUES (1, 1, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),\n    CASE WHEN typeof(NEW.\"id\") = ''text'' AND (length(NEW.\"id\") = length(CAST(NEW.\"id\" AS BLOB)) OR NOT instr(NEW.\"id\", char(0))) THEN NEW.\"id\" ELSE json_extract(''{}'', ''electric: notes.id is TEXT and part of the primary key and cannot hold '' || substr(quote(NEW.\"id\"), 1, 80) || '' [type-mismatch]'') END,\n    CASE WHEN NEW.\"body\" IS NULL OR typeof(NEW.\"body\") = ''text'' AND (length(NEW.\"body\") = length(CAST(NEW.\"body\" AS BLOB)) OR NOT instr(NEW.\"body\", char(0))) THEN NEW.\"body\" ELSE json_extract(''{}'', ''electric: notes.body is TEXT and cannot hold '' || substr(quote(NEW.\"body\"), 1, 80) || '' [type-mismatch]'') END,\n    CASE WHEN typeof(NEW.\"done\") = ''integer'' AND NEW.\"done\" IN (0, 1) THEN NEW.\"done\" ELSE json_extract(''{}'', ''electric: notes.done is BOOLEAN and cannot hold '' || substr(quote(NEW.\"done\"), 1, 80) || '' [type-mismatch]'') END);\nEND", "DROP TRIGGER IF EXISTS _electric_delete_1", "CREATE TRIGGER _electric_delete_1 AFTER DELETE ON \"notes\"\nWHEN NOT EXISTS (SELECT 1 FROM _electric_guard)\nBEGIN\n  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)\n  VALUES (1, 3, NULL, CAST((julianday(''now'') - 2440587.5) * 86400000 AS INTEGER),\n    OLD.\"id\",\n    OLD.\"body\",\n    OLD.\"done\");\nEND"]','2024-01-01 00:00:00');
CREATE TABLE _electric_oplog (seq INTEGER PRIMARY KEY, tbl, op, mask, at, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15);
INSERT INTO "_electric_oplog" VALUES(1,1,1,NULL,0,'n1','first',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "_electric_oplog" VALUES(2,1,2,2,0,'old','changed here',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "_electric_oplog" VALUES(3,1,3,NULL,0,'gone','from the hub',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "_electric_oplog" VALUES(4,1,1,NULL,0,'gone','back again',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE _electric_quarantine (
    device TEXT NOT NULL,
    number INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    changes BLOB NOT NULL,
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    fate TEXT NOT NULL DEFAULT 'waiting',
    decided_at TEXT,
    PRIMARY KEY (device, number)
) WITHOUT ROWID;
INSERT INTO "_electric_quarantine" VALUES('0123456789abcdef0123456789abcdef',2,'postgres-refused','No.',X'009602CF018BCFE568020000AA65706F63682F383A383AB432303234303130313030303030303030315F6D319196A56E6F746573010193A26964A4626F6479A4646F6E659391A17991A772656675736564910000CF0CF9FA7007225138','2024-01-01 00:00:00','waiting',NULL);
CREATE TABLE _electric_staged (
    part INTEGER PRIMARY KEY,
    frame BLOB NOT NULL
);
INSERT INTO "_electric_staged" VALUES(1,X'9E0700C2C2AC65706F63682F31313A31313A0001039090C4480085CD180092CF018BCFE56800000000CD1C0092CF018BCFE56800000100CD200092CF018BCFE56800000200CD240092CF018BCFE56800000300CD280092CF018BCFE5680000040091C4360095A56E6F74657393A26964A4626F6479A4646F6E659391A16191A56C61746572910091950100CD20000093CD2000CD2000D1E0000096AC65706F63682F31313A31313AC201A56E6F74657391A161C0C232D042C7');
CREATE TABLE _electric_staged_lives (
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    alive INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID;
CREATE TABLE _electric_transactions (
    number INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL,
    cursor TEXT,
    schema_version TEXT,
    lives TEXT
, seal INTEGER);
INSERT INTO "_electric_transactions" VALUES(4,1,1,111411200000262144,'epoch/8:8:','20240101000000001_m1',NULL,4123447784968430762);
INSERT INTO "_electric_transactions" VALUES(5,2,3,111411200000327680,'epoch/8:8:','20240101000000001_m1',NULL,1071484583009202305);
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, done BOOLEAN NOT NULL DEFAULT 0);
INSERT INTO "notes" VALUES('old','changed here',0);
INSERT INTO "notes" VALUES('n1','first',0);
INSERT INTO "notes" VALUES('gone','back again',0);
CREATE INDEX _electric_lives_kept ON _electric_lives (tbl) WHERE alive = 2;
CREATE VIEW _electric_fates AS
SELECT device, number, acknowledged, unsent,
    count(*) FILTER (WHERE fate = 'waiting') AS waiting,
    count(*) FILTER (WHERE fate = 'retried') AS retried,
    count(*) FILTER (WHERE fate = 'discarded') AS discarded,
    number = acknowledged + unsent AND in_order
        AND coalesce(max(refused), 0) <= acknowledged AS holds
FROM (
    SELECT device, number, acknowledged, count(t) AS unsent,
        count(t) = 0 OR (min(t) = acknowledged + 1 AND max(t) = number) AS in_order
    FROM (
        SELECT max(value) FILTER (WHERE key = 'device') AS device,
            coalesce(max(value) FILTER (WHERE key = 'number'), 0) AS number,
            coalesce(max(value) FILTER (WHERE key = 'acknowledged'), 0) AS acknowledged
        FROM _electric_meta
    ) LEFT JOIN (SELECT number AS t FROM _electric_transactions)
    UNION ALL
    SELECT device, acknowledged, acknowledged, 0, 1 FROM _electric_earlier
) LEFT JOIN (SELECT device AS owner, number AS refused, fate FROM _electric_quarantine)
    ON owner = device
GROUP BY device;
CREATE TRIGGER _electric_insert_1 AFTER INSERT ON "notes"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard)
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 1, NULL, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    CASE WHEN typeof(NEW."id") = 'text' AND (length(NEW."id") = length(CAST(NEW."id" AS BLOB)) OR NOT instr(NEW."id", char(0))) THEN NEW."id" ELSE json_extract('{}', 'electric: notes.id is TEXT and part of the primary key and cannot hold ' || substr(quote(NEW."id"), 1, 80) || ' [type-mismatch]') END,
    CASE WHEN NEW."body" IS NULL OR typeof(NEW."body") = 'text' AND (length(NEW."body") = length(CAST(NEW."body" AS BLOB)) OR NOT instr(NEW."body", char(0))) THEN NEW."body" ELSE json_extract('{}', 'electric: notes.body is TEXT and cannot hold ' || substr(quote(NEW."body"), 1, 80) || ' [type-mismatch]') END,
    CASE WHEN typeof(NEW."done") = 'integer' AND NEW."done" IN (0, 1) THEN NEW."done" ELSE json_extract('{}', 'electric: notes.done is BOOLEAN and cannot hold ' || substr(quote(NEW."done"), 1, 80) || ' [type-mismatch]') END);
END;
CREATE TRIGGER _electric_update_1 AFTER UPDATE ON "notes"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NEW."id" IS OLD."id"
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 2, ((NEW."body" IS NOT OLD."body") << 1) | ((NEW."done" IS NOT OLD."done") << 2), CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    OLD."id",
    CASE WHEN NEW."body" IS NOT OLD."body" THEN CASE WHEN NEW."body" IS NULL OR typeof(NEW."body") = 'text' AND (length(NEW."body") = length(CAST(NEW."body" AS BLOB)) OR NOT instr(NEW."body", char(0))) THEN NEW."body" ELSE json_extract('{}', 'electric: notes.body is TEXT and cannot hold ' || substr(quote(NEW."body"), 1, 80) || ' [type-mismatch]') END END,
    CASE WHEN NEW."done" IS NOT OLD."done" THEN CASE WHEN typeof(NEW."done") = 'integer' AND NEW."done" IN (0, 1) THEN NEW."done" ELSE json_extract('{}', 'electric: notes.done is BOOLEAN and cannot hold ' || substr(quote(NEW."done"), 1, 80) || ' [type-mismatch]') END END);
END;
CREATE TRIGGER _electric_rekey_1 AFTER UPDATE OF "id" ON "notes"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard) AND NOT (NEW."id" IS OLD."id")
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 3, NULL, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    OLD."id",
    OLD."body",
    OLD."done");
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 1, NULL, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    CASE WHEN typeof(NEW."id") = 'text' AND (length(NEW."id") = length(CAST(NEW."id" AS BLOB)) OR NOT instr(NEW."id", char(0))) THEN NEW."id" ELSE json_extract('{}', 'electric: notes.id is TEXT and part of the primary key and cannot hold ' || substr(quote(NEW."id"), 1, 80) || ' [type-mismatch]') END,
    CASE WHEN NEW."body" IS NULL OR typeof(NEW."body") = 'text' AND (length(NEW."body") = length(CAST(NEW."body" AS BLOB)) OR NOT instr(NEW."body", char(0))) THEN NEW."body" ELSE json_extract('{}', 'electric: notes.body is TEXT and cannot hold ' || substr(quote(NEW."body"), 1, 80) || ' [type-mismatch]') END,
    CASE WHEN typeof(NEW."done") = 'integer' AND NEW."done" IN (0, 1) THEN NEW."done" ELSE json_extract('{}', 'electric: notes.done is BOOLEAN and cannot hold ' || substr(quote(NEW."done"), 1, 80) || ' [type-mismatch]') END);
END;
CREATE TRIGGER _electric_delete_1 AFTER DELETE ON "notes"
WHEN NOT EXISTS (SELECT 1 FROM _electric_guard)
BEGIN
  INSERT INTO _electric_oplog (tbl, op, mask, at, c0, c1, c2)
  VALUES (1, 3, NULL, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    OLD."id",
    OLD."body",
    OLD."done");
END;
COMMIT;
