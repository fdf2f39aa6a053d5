-- Each write keeps it, the merged row does not.
--- migration 1
-- expect: check-spans-columns
CREATE TABLE spans (id TEXT PRIMARY KEY NOT NULL, first INTEGER, last INTEGER, CHECK (first <= last));
