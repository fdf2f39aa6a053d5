-- Quoted.
--- migration 1
-- expect: qualified-name
CREATE TABLE "main" . "notes" (id TEXT PRIMARY KEY NOT NULL);
