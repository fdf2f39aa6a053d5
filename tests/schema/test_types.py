"""The word of a declaration decides, however it is spelled; other words are not known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.schema import POSTGRES_TYPES, ColumnType
from electricsql.schema.types import DECLARED, column_type


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
    assert column_type(declared) is type


def test_a_length_in_the_middle_is_left_out() -> None:
    assert column_type("VARYING (20) CHARACTER") is ColumnType.TEXT
    assert column_type("timestamp(3) with time zone") is ColumnType.TIMESTAMPTZ


@pytest.mark.parametrize("type", ColumnType)
def test_every_type_is_declared_by_its_own_name_and_known_to_postgres(type: ColumnType) -> None:
    assert column_type(type.value) is type
    assert POSTGRES_TYPES[type]


@given(st.text(max_size=20).filter(lambda words: " ".join(words.split()).upper() not in DECLARED))
def test_any_other_word_is_not_known(declared: str) -> None:
    assert "(" in declared or column_type(declared) is None
