-- Every name is quoted in Postgres, so its keywords are names too.
--- migration 1
CREATE TABLE "order" ("id" TEXT PRIMARY KEY NOT NULL, "user" TEXT, "end" INTEGER, "window" TEXT, "offset" INTEGER, "desc" TEXT);
--- row
INSERT INTO "order" VALUES ('a', 'u', 1, 'w', 2, 'd');
