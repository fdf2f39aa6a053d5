-- Nothing but a key.
--- migration 1
CREATE TABLE likes (who TEXT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (who, what));
--- row
INSERT INTO likes VALUES ('a', 'b');
