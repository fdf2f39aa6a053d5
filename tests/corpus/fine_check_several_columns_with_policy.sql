-- A rule over two columns, with a word on what happens when merging breaks it.
--- migration 1
-- @check spans.first_before_last on-conflict=quarantine
CREATE TABLE spans (id TEXT PRIMARY KEY NOT NULL, first INTEGER, last INTEGER, CONSTRAINT first_before_last CHECK (first <= last));
--- row
INSERT INTO spans VALUES ('a', 1, 2);
