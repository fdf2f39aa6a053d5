-- Over two columns, in another order than declared.
--- migration 1
CREATE TABLE rooms (house TEXT NOT NULL, room INTEGER NOT NULL, PRIMARY KEY (house, room));
CREATE TABLE beds (id TEXT PRIMARY KEY NOT NULL, r INTEGER, h TEXT, FOREIGN KEY (r, h) REFERENCES rooms (room, house));
--- row
INSERT INTO rooms VALUES ('h', 1); INSERT INTO beds VALUES ('a', 1, 'h');
