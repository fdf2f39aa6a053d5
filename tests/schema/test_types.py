"""The word of a declaration decides, however it is spelled; what Postgres can't know is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.errors import MigrationError
from electricsql.schema import POSTGRES_TYPES, ColumnType
from electricsql.schema.types import DECLARED, column_type


def type_of(declared: str) -> ColumnType:
    return column_type(declared, table="notes", column="body")


@st.composite
def declarations(draw: st.DrawFn) -> tuple[str, ColumnType]:
    """A declared type in any spelling, with or without a length."""
    words, type = draw(st.sampled_from(sorted(DECLARED.items())))
    spelled = "".join(draw(st.sampled_from([c.lower(), c.upper()])) for c in words)
    gap = draw(st.sampled_from([" ", "  ", "\n\t"]))
    length = draw(st.sampled_from(["", "(3)", " ( 10, 2 )", "(+5)"]))
    return spelled.replace(" ", gap) + length, type


@given(declarations())
def test_case_space_and_length_do_not_matter(declaration: tuple[str, ColumnType]) -> None:
    declared, type = declaration
    assert type_of(declared) is type


def test_a_length_in_the_middle_is_left_out() -> None:
    assert type_of("VARYING (20) CHARACTER") is ColumnType.TEXT
    assert type_of("timestamp(3) with time zone") is ColumnType.TIMESTAMPTZ


@pytest.mark.parametrize("type", ColumnType)
def test_every_type_is_declared_by_its_own_name_and_known_to_postgres(type: ColumnType) -> None:
    assert type_of(type.value) is type
    assert POSTGRES_TYPES[type]


@given(st.text(max_size=20).filter(lambda words: " ".join(words.split()).upper() not in DECLARED))
def test_any_other_word_is_refused_with_those_that_are_known(declared: str) -> None:
    if "(" in declared:
        return
    with pytest.raises(MigrationError) as refused:
        type_of(declared)
    assert refused.value.code == "unknown-type"
    assert "notes.body" in refused.value.problem
    assert all(type in refused.value.remedy for type in ColumnType)


def test_no_type_is_said_to_be_none() -> None:
    with pytest.raises(MigrationError, match=r"notes\.body has no type"):
        type_of(" ")
