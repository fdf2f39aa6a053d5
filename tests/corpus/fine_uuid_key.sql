-- UUIDs are keys made for this.
--- migration 1
CREATE TABLE notes (id UUID PRIMARY KEY NOT NULL, body TEXT);
--- row
INSERT INTO notes VALUES ('00112233-4455-6677-8899-aabbccddeeff', 'x');
