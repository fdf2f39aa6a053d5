-- Two columns tell the rows apart.
--- migration 1
CREATE TABLE grades (student TEXT NOT NULL, course TEXT NOT NULL, grade INTEGER, PRIMARY KEY (student, course));
--- row
INSERT INTO grades VALUES ('ann', 'maths', 1);
