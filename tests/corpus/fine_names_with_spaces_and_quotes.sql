-- Names are data, whatever is in them.
--- migration 1
CREATE TABLE "to do; DROP TABLE x--" ("the id" TEXT PRIMARY KEY NOT NULL, "it's" TEXT, "say ""hi""" TEXT);
--- row
INSERT INTO "to do; DROP TABLE x--" VALUES ('a', 'b', 'c');
