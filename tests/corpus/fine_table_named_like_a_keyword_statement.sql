-- A table that is called trigger.
--- migration 1
CREATE TABLE "trigger" (id TEXT PRIMARY KEY NOT NULL, "view" TEXT, "index" INTEGER);
--- row
INSERT INTO "trigger" VALUES ('a', 'b', 1);
