"""A migration changes the type of a column that is there.

Devices that are on the old version, maybe for weeks, go on writing values of the old type, which
the new one may not hold: `'12abc'` is no integer, `2.5` none either, and an integer beyond 2^53 is
no REAL.

Add a column of the new type, and let the app write both.

Refused:

    CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, size TEXT);
    -- next migration
    CREATE TABLE new_items (id TEXT PRIMARY KEY NOT NULL, size INTEGER);
    INSERT INTO new_items (id, size) SELECT id, size FROM items;
    DROP TABLE items;
    ALTER TABLE new_items RENAME TO items;

Accepted:

    CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, size TEXT);
    -- next migration
    ALTER TABLE items ADD COLUMN size_cm INTEGER;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Kept columns whose type is another one than before."""
    for before, _, table in seen.kept_tables:
        for column in table.columns:
            if not column.before or not column.after or column.before.name in before.primary_key:
                continue
            if column.before.type != column.after.type:
                yield Problem(
                    column.at,
                    f"Column {before.name}.{column.before.name} changes from {column.before.type}"
                    f" to {column.after.type}.",
                    "Devices on older versions go on writing what the new type may not hold.",
                    help="Leave it as it is, and add a column of the new type beside it.",
                )
