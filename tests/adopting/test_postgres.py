"""The first migration from what a Postgres has: whatever that is, the draft builds, and what it has
fits what is there. (On real ones: tests/integration/hub/test_adopting.py.)"""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from electricsql.adopting import Outcome, draft_from_postgres
from electricsql.migrations import Source, build
from electricsql.schema import CatalogColumn, CatalogTable, ForeignKey, Index, Schema, unlike

NAMES = st.sampled_from(["a", "b", "Order", "group", "ü", "xmin", "x" * 63, '"', "_electric_x"])
TYPES = st.sampled_from(
    [
        *(("int4", -1), ("int2", -1), ("int8", -1), ("text", -1), ("varchar", 24), ("bpchar", 8)),
        *(("numeric", -1), ("numeric", (10 << 16 | 2) + 4), ("bool", -1), ("enum", -1)),
        *(("timestamp", 3), ("timestamptz", -1), ("date", -1), ("time", -1), ("uuid", -1)),
        *(("jsonb", -1), ("json", -1), ("bytea", -1), ("float4", -1), ("tsvector", -1), ("", -1)),
    ]
)
DEFAULTS = st.sampled_from(
    [
        *(None, "'x'::text", "0", "'-1'::integer", "true", "now()", "nextval('s'::regclass)"),
        *("CURRENT_DATE", "'{}'::jsonb", "'sad'::mood", "'a''b'::character varying", "identity"),
    ]
)


@st.composite
def columns(draw: st.DrawFn) -> CatalogColumn:
    type, modifier = draw(TYPES)
    return CatalogColumn(
        *(draw(NAMES), type, modifier, draw(st.booleans()), draw(DEFAULTS)),
        generated=draw(st.integers(0, 9)) == 0,
        labels=("sad", "it's") if type == "enum" else (),
        type_name=type,
        collation='"C"' if type in ("text", "varchar") else "",
    )


@st.composite
def catalogs(draw: st.DrawFn) -> dict[str, CatalogTable]:
    tables = {}
    for name in draw(st.lists(NAMES, unique=True, max_size=3)):
        own = tuple(draw(st.lists(columns(), min_size=1, max_size=4, unique_by=lambda c: c.name)))
        names = [column.name for column in own]
        key = tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=2)))
        own = tuple(replace(c, not_null=c.not_null or c.name in key) for c in own)
        indexes = [
            Index(f"i_{name}"[:60], (names[0],), draw(st.booleans()), (draw(st.booleans()),))
        ]
        foreign = [("fk", ForeignKey((names[-1],), draw(NAMES), (draw(NAMES),), "CASCADE"), False)]
        tables[name] = CatalogTable(
            *(name, own, key),
            foreign_keys=tuple(foreign[: draw(st.integers(0, 1))]),
            indexes=tuple(indexes),
            checks=(("c", "CHECK (x ~ 'y')"),),
        )
    return tables


def built(tables: dict[str, CatalogTable]) -> Schema:
    draft = draft_from_postgres("shop", tables)
    return build([Source("20240101000000000_adopt", "adopt", draft.sql)]).schema


@given(catalogs())
def test_whatever_is_there_the_draft_builds_and_fits(tables: dict[str, CatalogTable]) -> None:
    for table in built(tables):
        assert unlike(table, tables[table.name]) == []


def test_an_index_on_jsonb_stays_in_postgres() -> None:
    id, x = CatalogColumn("id", "uuid", not_null=True), CatalogColumn("x", "jsonb")
    indexes = (Index("one", ("x",), unique=True, descending=(False,)), Index("two", ("x",)))
    tables = {"t": CatalogTable("t", (id, x), ("id",), indexes=indexes)}
    assert built(tables).tables["t"].indexes == ()
    told = draft_from_postgres("shop", tables).findings()
    assert [each.what for each in told] == ["index two of t", "t: the unique index one"]


def test_what_is_left_out_is_told_with_the_reason() -> None:
    id = CatalogColumn("id", "uuid", not_null=True)
    tables = {
        "parts": CatalogTable("parts", (id,), ("id",), kind="p"),
        "keyless": CatalogTable("keyless", (id,)),
        "odd": CatalogTable("odd", (id, CatalogColumn("x", "xml", not_null=True)), ("id",)),
        "fine": CatalogTable("fine", (id, CatalogColumn("x", "xml", type_name="xml")), ("id",)),
    }
    draft = draft_from_postgres("shop", tables)
    told = {f.what: f.why for f in draft.findings() if f.outcome is Outcome.LEFT_OUT}
    assert told.keys() == {"table parts", "table keyless", "table odd", "column fine.x"}
    assert list(built(tables).tables) == ["fine"]


def test_rules_that_only_postgres_keeps_are_told() -> None:
    columns = (CatalogColumn("id", "uuid", not_null=True), CatalogColumn("x", "text"))
    indexes = (
        Index("odd", (), unique=True),
        Index("slow", ()),
        Index("kept", ("x",), True, (False,)),
    )
    tables = {"t": CatalogTable("t", columns, ("id",), indexes=indexes)}
    draft = draft_from_postgres("shop", tables)
    minded = [each.what for each in draft.findings() if each.outcome is Outcome.MIND]
    assert minded == ["t: the unique index odd"]
    assert [index.columns for table in built(tables) for index in table.indexes] == [("x",)]
