-- Names in any language, within 63 bytes.
--- migration 1
CREATE TABLE größen (id TEXT PRIMARY KEY NOT NULL, "größe" INTEGER, "名前" TEXT);
--- row
INSERT INTO größen VALUES ('a', 1, 'x');
