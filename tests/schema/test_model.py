"""What a schema tells about its tables and rows."""

from electricsql.schema import ForeignKey
from tests.schema.schemas import schema, table

NOTE = table(
    "CREATE TABLE note (b TEXT NOT NULL, a INTEGER, body TEXT DEFAULT 'x', at TEXT DEFAULT"
    " CURRENT_TIMESTAMP, extra BLOB, PRIMARY KEY (a, b))"
)


def test_a_key_is_in_the_order_of_the_primary_key() -> None:
    assert NOTE.key_of({"b": "1", "a": 2, "body": "-"}) == (2, "1")


def test_positions_and_names_are_those_of_the_columns() -> None:
    assert NOTE.column_names == ("b", "a", "body", "at", "extra")
    assert [NOTE.positions[name] for name in NOTE.column_names] == [0, 1, 2, 3, 4]
    assert all(NOTE.by_name[column.name] is column for column in NOTE.columns)


def test_a_computed_default_is_not_known_beforehand() -> None:
    assert NOTE.default_values == {"b": None, "a": None, "body": "x", "at": None, "extra": None}
    assert NOTE.constant_defaults == {"body": "x", "extra": None}


def test_children_are_found_from_their_parent() -> None:
    made = schema(
        "CREATE TABLE parent (id TEXT PRIMARY KEY, up TEXT REFERENCES parent)",
        "CREATE TABLE child (id TEXT PRIMARY KEY, a TEXT REFERENCES parent, b TEXT REFERENCES"
        " parent)",
    )
    found = [(each.name, key) for each, key in made.children_of("parent")]
    assert found == [
        ("parent", ForeignKey(("up",), "parent", ("id",))),
        ("child", ForeignKey(("a",), "parent", ("id",))),
        ("child", ForeignKey(("b",), "parent", ("id",))),
    ]
    assert list(made.children_of("child")) == []
