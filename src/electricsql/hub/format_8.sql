-- Format 8: each migration is kept with its lens, as JSON (NULL in those from before, which only
-- added), and with whether devices may follow it before their app knows it.

ALTER TABLE electric.migrations
    ADD COLUMN lens text,
    ADD COLUMN additive boolean NOT NULL DEFAULT true;
