-- Words in strings and comments are neither keywords nor functions.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL,
    /* random() CURRENT_TIMESTAMP; DROP TABLE t */ state TEXT DEFAULT 'random()' CHECK (state <> 'CHECK (a LIKE b)') -- ; LIKE
);
--- row
INSERT INTO t (id) VALUES ('a');
