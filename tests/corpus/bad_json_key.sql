-- Which JSON values are the same?
--- migration 1
-- expect: json-key
CREATE TABLE settings (app TEXT NOT NULL, path JSON NOT NULL, value TEXT, PRIMARY KEY (app, path));
