-- It stands at one column and reads another.
--- migration 1
-- expect: check-spans-columns
CREATE TABLE spans (id TEXT PRIMARY KEY NOT NULL, first INTEGER, last INTEGER CHECK (last >= first));
