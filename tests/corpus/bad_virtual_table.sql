-- Not without saying that it is local.
--- migration 1
-- expect: virtual-table
CREATE VIRTUAL TABLE search USING fts5 (body);
