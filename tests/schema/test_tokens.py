"""Tokens are the text without what means nothing, each where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.schema import Kind, quote, tokens
from electricsql.schema.tokens import check_constraints, deferred_references

FRAGMENTS = st.sampled_from(
    [
        *("CREATE", "table_1", "größe", '"a ""b"', "`a``b`", "[a b]", "'it''s'", "x'0F'", "1.5e-3"),
        *("0xFF", ".5", "(", ")", ",", ";", "<=", "<>", "->>", "||", " ", "\n", "/* ; */", "'open"),
        *("-- note\n", "/* open", '"open', "🙂", "\\"),
    ]
)


@given(st.lists(FRAGMENTS).map("".join))
def test_between_tokens_is_only_white_space_and_comments(sql: str) -> None:
    end = 0
    for token in tokens(sql):
        assert sql[token.start : token.end] == token.text
        between = sql[end : token.start].strip()
        assert between == "" or between.startswith(("--", "/*"))
        end = token.end
    rest = sql[end:].strip()
    assert rest == "" or rest.startswith(("--", "/*"))


@given(st.text())
def test_any_text_has_tokens(sql: str) -> None:
    assert all(token.text for token in tokens(sql))


@given(st.text())
def test_a_quoted_name_is_one_token_that_names_it(name: str) -> None:
    (token,) = tokens(quote(name))
    assert (token.kind, token.name) == (Kind.NAME, name)


@pytest.mark.parametrize(
    ("sql", "kind", "name"),
    [
        ("[a]", Kind.NAME, "a"),
        ("`a``b`", Kind.NAME, "a`b"),
        ('"a""b"', Kind.NAME, 'a"b'),
        ("größe$1", Kind.WORD, "größe$1"),
        ("'a''b'", Kind.STRING, "a'b"),
        ("X'ab'", Kind.BLOB, "X'ab'"),
        ("0x1F", Kind.NUMBER, "0x1F"),
        ("1e5", Kind.NUMBER, "1e5"),
        ("->>", Kind.SYMBOL, "->>"),
    ],
)
def test_kinds(sql: str, kind: Kind, name: str) -> None:
    (token,) = tokens(sql)
    assert (token.kind, token.text, token.name) == (kind, sql, name)


def test_a_keyword_is_a_bare_word_in_any_case() -> None:
    bare, quoted = tokens('Check "CHECK"')
    assert bare.is_word("CHECK", "AND")
    assert not bare.is_word("AND")
    assert not quoted.is_word("CHECK")


@pytest.mark.parametrize(
    ("ddl", "expressions"),
    [
        ("CREATE TABLE t (a INT)", ()),
        ("CREATE TABLE t (a INT CHECK (a > 0))", ("a > 0",)),
        (
            "CREATE TABLE t (a INT CHECK(a IN (1, (2))), CONSTRAINT c CHECK ( a<9 ))",
            ("a IN (1, (2))", "a<9"),
        ),
        (
            "CREATE TABLE t (a TEXT CHECK (a <> ')') DEFAULT 'CHECK (no)' /* CHECK (x) */)",
            ("a <> ')'",),
        ),
        ('CREATE TABLE t ("check" INT, [check (x)] INT)', ()),
        ("CREATE TABLE t (a INT CHECK (a > 0", ("a > 0",)),
    ],
)
def test_checks_are_found_by_their_brackets(ddl: str, expressions: tuple[str, ...]) -> None:
    assert tuple(check.sql for check in check_constraints(ddl)) == expressions


def test_checks_have_names_and_places() -> None:
    ddl = "CREATE TABLE t (a INT CHECK (a > 0), CONSTRAINT [it's] CHECK (a < 9))"
    first, second = check_constraints(ddl)
    assert (first.name, second.name) == ("", "it's")
    assert ddl[second.start :].startswith("CHECK (a < 9)")


@pytest.mark.parametrize(
    ("clause", "deferred"),
    [
        ("", False),
        (" DEFERRABLE", False),
        (" DEFERRABLE INITIALLY IMMEDIATE", False),
        (" NOT DEFERRABLE INITIALLY DEFERRED", False),
        (" ON DELETE CASCADE deferrable initially /* the end */ deferred NOT NULL", True),
    ],
)
def test_foreign_keys_that_wait_for_the_commit(clause: str, deferred: bool) -> None:
    ddl = (
        f"CREATE TABLE t (a INT REFERENCES p (x, y){clause}, b INT REFERENCES p,"
        f" FOREIGN KEY (a, b) REFERENCES p (x, y){clause}) STRICT"
    )
    assert list(deferred_references(ddl)) == [deferred, False, deferred]
