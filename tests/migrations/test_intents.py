"""What authors say of changes: how it is read, and what can't be."""

import pytest

from electricsql.migrations import Intents, Source, statements


def said(*directives: str) -> Intents:
    text = "".join(f"-- @{each}\n" for each in directives) + "ALTER TABLE t ADD COLUMN c;"
    (statement,) = statements(Source("20240101000000000_m", "m", text))
    return Intents.of(statement.directives)


def test_a_rename() -> None:
    (intent,) = said('rename Items."the Title" -> Name').renamed
    assert (intent.table, intent.column, intent.to) == ("items", "the title", "name")


@pytest.mark.parametrize(
    ("text", "down"),
    [
        ("drop items.note", ""),
        ("drop items.note down='it''s'", "'it''s'"),
        ('drop items.note down = -1.5 reason="it\'s small"', "-1.5"),
        ('drop items.note reason="down=5"', ""),
        ("down items.note = TRUE", "TRUE"),
    ],
)
def test_what_older_versions_show(text: str, down: str) -> None:
    intents = said(text)
    assert intents.down(["ITEMS"], "Note") == down
    assert intents.down(["others", "items"], "note") == down
    assert intents.down(["others"], "note") == intents.down(["items"], "n") == ""
    assert (intents.dropped(["items"], "note") is None) == text.startswith("down")


def test_a_table_is_dropped_and_not_its_columns() -> None:
    intents = said("drop items")
    assert intents.dropped(["items"])
    assert not intents.dropped(["items"], "note")
    assert not said("drop items.note").dropped(["items"])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "rename items -> things",
            "rename items.a",
            "rename items.a - > b",
            "rename items.a -> 5",
        ),
        *("drop", "drop 'items'", "drop items.a down=upper('x')", "drop items.a because of that"),
        *("drop items down=5", "down items.a", "down items.a = b", "down items = 5"),
    ],
)
def test_what_can_not_be_read_says_nothing(text: str) -> None:
    assert said(text).every == ()
