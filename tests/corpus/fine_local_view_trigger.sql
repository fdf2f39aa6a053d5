-- A view that can be written, by a trigger of its own.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
CREATE VIEW shouted AS SELECT id, upper(body) AS body FROM notes;
CREATE TRIGGER shouted_insert INSTEAD OF INSERT ON shouted BEGIN
    INSERT INTO notes VALUES (NEW.id, upper(NEW.body));
END;
--- migration 2
DROP TRIGGER shouted_insert;
DROP VIEW shouted;
ALTER TABLE notes ADD COLUMN stars INTEGER;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
