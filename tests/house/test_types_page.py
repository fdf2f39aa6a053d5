"""docs/types.md shows the types there are, with all their names and their Postgres types."""

import re

from electricsql.schema import POSTGRES_TYPES, ColumnType
from electricsql.schema.types import DECLARED
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "types.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \|(.*?)\| `([\w ]+)` \|", re.M)


def test_the_page_has_every_type_with_all_its_names() -> None:
    names = {
        ColumnType(type): {type, *re.findall(r"`([^`]+)`", others)}
        for type, others, _ in ROW.findall(PAGE)
    }
    assert names == {
        type: {name for name, meant in DECLARED.items() if meant is type} for type in ColumnType
    }


def test_the_page_has_the_postgres_types() -> None:
    assert {type: postgres for type, _, postgres in ROW.findall(PAGE)} == POSTGRES_TYPES
