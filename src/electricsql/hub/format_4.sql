-- Format 4: which of several transactions of one number it is that is in.

-- `mark` is that of the last transaction: its seal, or its clock if it has none.
ALTER TABLE electric.devices RENAME COLUMN hlc TO mark;

-- Null for what is direct, or was sealed by an earlier version, or is in under another number.
ALTER TABLE electric.transactions ADD COLUMN seal bigint;
DROP INDEX electric.transactions_hlc;
CREATE UNIQUE INDEX transactions_seal ON electric.transactions (hlc, seal);
