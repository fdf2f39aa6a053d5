-- Bytes count, not letters.
--- migration 1
-- expect: identifier-too-long
CREATE TABLE ääääääääääääääääääääääääääääääää (id TEXT PRIMARY KEY NOT NULL);
