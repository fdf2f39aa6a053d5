"""What is found where, all at once; waivers; and what is left alone."""

import pytest

from electricsql.checks import Refused, Severity, check, checked_build
from electricsql.errors import MigrationError
from electricsql.limits import IDENTIFIER_BYTES_MAX
from electricsql.migrations import schema_of
from tests.checks.sources import found, sources

LOCAL = "-- @local-only\nCREATE TABLE l (x);"
KEYED = "CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, x INTEGER, y TEXT);"


@pytest.mark.parametrize(
    ("rule", "texts"),
    [
        ("missing-primary-key", ["CREATE TABLE a (x TEXT)"]),
        ("unknown-type", ["CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, x MONEY)"]),
        ("unknown-type", ["CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, x)"]),
        ("unknown-type", [KEYED, "ALTER TABLE a ADD COLUMN z 'what ''ever'"]),
        ("generated-column", ["CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, x INT AS (id))"]),
        ("generated-column", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT AS (x + 1)"]),
        ("generated-column", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT AS (y) REFERENCES a"]),
        ("unportable-expression", [KEYED, "ALTER TABLE a ADD COLUMN z INT AS (x / y)"]),
        ("foreign-key-target", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT REFERENCES a (y)"]),
        ("foreign-key-target", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT REFERENCES nowhere"]),
        ("reserved-name", ["CREATE TABLE _Electric_x (id TEXT PRIMARY KEY NOT NULL)"]),
        ("reserved-name", ["CREATE TABLE a (xmin TEXT PRIMARY KEY NOT NULL)"]),
        ("reserved-name", [KEYED, "CREATE INDEX _electric_i ON a (x)"]),
        (
            "identifier-too-long",
            [f"CREATE TABLE {'a' * (IDENTIFIER_BYTES_MAX + 1)} (x TEXT PRIMARY KEY NOT NULL)"],
        ),
        ("unportable-expression", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT CHECK (z GLOB 'a*')"]),
        ("unportable-unique", [KEYED + "CREATE UNIQUE INDEX i ON a (y) WHERE x + 1 = 1"]),
        ("qualified-name", ["CREATE TABLE main.a (id TEXT PRIMARY KEY NOT NULL)"]),
        ("qualified-name", [KEYED, "ALTER TABLE main.a ADD COLUMN z INT"]),
        ("data-statement", [KEYED, "INSERT INTO a VALUES (1, 2, 3)"]),
        ("data-statement", [KEYED, "INSERT INTO a SELECT id, x, y FROM a"]),
        ("data-statement", [KEYED, "WITH x AS (SELECT 1) DELETE FROM a"]),
        ("data-statement", ["CREATE TABLE b AS SELECT 1"]),
        ("transaction-control", ["BEGIN; " + KEYED]),
        ("local-statement", ["PRAGMA user_version = 5"]),
        ("local-statement", ["CREATE TEMP TABLE x (y)"]),
        ("local-statement", ["EXPLAIN CREATE TABLE x (y)"]),
        ("broken-reference", [KEYED, "CREATE VIEW v AS SELECT z FROM a"]),
        (
            "broken-reference",
            [
                KEYED + "CREATE VIEW v AS SELECT 1",
                KEYED.replace(" a ", " b ") + "DROP VIEW v; CREATE VIEW v AS SELECT * FROM c",
            ],
        ),
        (
            "trigger-on-replicated-table",
            [KEYED, "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END"],
        ),
        ("virtual-table", ["CREATE VIRTUAL TABLE f USING fts5(x)"]),
        (
            "broken-reference",
            [
                KEYED,
                "-- @local-only\nCREATE TRIGGER t AFTER UPDATE OF x ON a BEGIN DELETE FROM b; END",
            ],
        ),
        ("broken-reference", [f"{LOCAL} CREATE VIEW v AS SELECT * FROM l", "DROP TABLE l"]),
        ("misplaced-local-only", [KEYED, "-- @local-only\nALTER TABLE a ADD COLUMN z INT"]),
        ("misplaced-local-only", [KEYED + "-- @local-only"]),
        ("local-foreign-key", [KEYED, "-- @local-only\nCREATE TABLE l (x REFERENCES a (id))"]),
        ("local-foreign-key", [LOCAL + KEYED, "ALTER TABLE l ADD COLUMN y REFERENCES a"]),
        ("foreign-key-target", [LOCAL, KEYED.replace("x INTEGER", "x TEXT REFERENCES l")]),
        ("reserved-name", ["-- @local-only\nCREATE TABLE _electric_l (x)"]),
        ("reserved-name", ["CREATE VIEW _electric_v AS SELECT 1"]),
        ("data-statement", [LOCAL + KEYED, "INSERT INTO a SELECT x, x, x FROM l"]),
        ("sql-error", [LOCAL, KEYED.replace(" a ", " l ")]),
        ("drop-table", [KEYED, "DROP TABLE IF EXISTS a"]),
        ("drop-table", [KEYED, "DROP TABLE a; " + KEYED]),
        ("reserved-name", [KEYED, "ALTER TABLE a RENAME COLUMN x TO xmin"]),
        ("unheeded-directive", [KEYED, "-- @rename a.x -> z\nALTER TABLE a ADD z INT"]),
        ("unheeded-directive", [KEYED, "-- @down a.x = y\nALTER TABLE a ADD z INT"]),
        ("unheeded-directive", [KEYED, "-- @drop a\nALTER TABLE a RENAME TO b"]),
        ("drop-column", [KEYED, "ALTER TABLE a DROP COLUMN x"]),
        ("required-new-column", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT NOT NULL"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z BOOLEAN DEFAULT 2"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z INT DEFAULT 'many'"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT DEFAULT x'00'"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z DATE DEFAULT 'tomorrow'"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z JSON DEFAULT '{'"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z TIME DEFAULT '07:05'"]),
        ("nondeterministic-default", [KEYED, "ALTER TABLE a ADD z TEXT DEFAULT CURRENT_TIME"]),
        ("unique-can-collide", [KEYED, "CREATE UNIQUE INDEX i ON a (y, x)"]),
        ("unique-can-collide", ["CREATE TABLE a (id INT PRIMARY KEY NOT NULL, x TEXT UNIQUE)"]),
        ("check-spans-columns", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT CHECK (z <> y)"]),
        ("nocase-key", ["CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL COLLATE nocase)"]),
    ],
)
def test_what_can_not_work_is_refused_by_its_rule(rule: str, texts: list[str]) -> None:
    (finding,) = found(*texts)
    assert (finding.rule, finding.severity) == (rule, Severity.ERROR)
    assert finding.migration in finding.file
    with pytest.raises(Refused) as refused:
        checked_build(sources(*texts))
    assert isinstance(refused.value, MigrationError)
    assert refused.value.remedy


def test_everything_that_is_wrong_is_found_at_once_and_in_its_place() -> None:
    text = (
        "\ufeffCREATE TABLE a (id TEXT PRIMARY KEY NOT NULL);\r\n"
        "-- a remark\n"
        "CREATE TABLE b (\n"
        "    x MONEY,\n"
        "    \"y z\" BOOLEAN DEFAULT 'maybe'\n"
        ");\n"
        "PRAGMA x; VACUUM;\n"
    )
    assert [(each.rule, each.line, each.column, each.end_column) for each in found(text)] == [
        ("missing-primary-key", 3, 14, 15),
        ("unknown-type", 4, 5, 12),
        ("bad-default", 5, 5, 34),
        ("local-statement", 7, 1, 9),
        ("local-statement", 7, 11, 17),
    ]


def test_all_new_migrations_are_judged_and_no_known_ones() -> None:
    texts = ("CREATE TABLE a (x TEXT)", "DROP TABLE a", "CREATE TABLE b (x TEXT)")
    assert [each.rule for each in check(sources(*texts))] == [
        "missing-primary-key",
        "drop-table",
        "missing-primary-key",
    ]
    first, *_ = sources(*texts)
    assert [each.rule for each in check(sources(*texts), {first.name})] == [
        "drop-table",
        "missing-primary-key",
    ]


def test_what_fails_because_of_an_error_is_not_told() -> None:
    one, two = found("CREATE TABEL a (x); CREATE INDEX i ON a (x); VACUUM")
    assert (one.rule, two.rule) == ("sql-error", "local-statement")


@pytest.mark.parametrize("sql", ["SELECT 1; x'", "CREATE TABLE a (x DEFAULT ?)", "\0", "\ud800"])
def test_no_text_is_a_traceback(sql: str) -> None:
    assert all(each.is_error for each in found(sql))


INTEGER = "CREATE TABLE a (id INTEGER PRIMARY KEY NOT NULL)"


@pytest.mark.parametrize(
    ("sql", "rules"),
    [
        (INTEGER, ["device-local-key"]),
        (f'-- @allow device-local-key reason="given out by a server"\n{INTEGER}', []),
        (f"-- @allow device-local-key\n{INTEGER}", ["unused-waiver", "device-local-key"]),
        (
            f'-- @allow device-local-key reason=" "\n{INTEGER}',
            ["unused-waiver", "device-local-key"],
        ),
        (f'-- @allow device-local-key reason="x"\n{KEYED}', ["unused-waiver"]),
        (f'{KEYED}\n-- @allow device-local-key reason="x"\n', ["unused-waiver"]),
        (f'-- @allow no-such-rule reason="x"\n{KEYED}', ["unused-waiver"]),
        (
            '-- @allow missing-primary-key reason="x"\nCREATE TABLE a (x TEXT)',
            ["unused-waiver", "missing-primary-key"],
        ),
        (
            f'-- @allow device-local-key reason="x"\n{INTEGER};\n{INTEGER.replace(" a ", " b ")}',
            ["device-local-key"],
        ),
    ],
)
def test_a_waiver_waives_what_it_may_for_its_statement(sql: str, rules: list[str]) -> None:
    assert [each.rule for each in found(sql)] == rules


def test_what_goes_with_the_applied_ones_is_looked_at_where_they_are_known() -> None:
    one, two, three = sources(KEYED, "CREATE INDEX i ON a (x)", "CREATE INDEX j ON a (y)")
    applied = {one.name: one.sha256, three.name: "other"}
    assert [(each.rule, each.migration) for each in check([one, two, three], applied, applied)] == [
        ("out-of-order", two.name),
        ("applied-migration-changed", three.name),
    ]
    assert check([one, two, three], applied) == ()


def test_a_known_migration_that_is_no_sql_is_named() -> None:
    broken, new = sources("CREATE TABEL a (x)", KEYED)
    with pytest.raises(MigrationError) as refused:
        check([broken, new], {broken.name})
    assert refused.value.code == "sql-error"
    assert broken.name in refused.value.problem


UNIQUE = "CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, x TEXT UNIQUE, y TEXT NOT NULL, UNIQUE (y))"


@pytest.mark.parametrize(
    ("directives", "rules"),
    [
        ("", ["unique-can-collide", "unique-can-collide"]),
        ("-- @unique a.x on-conflict=keep-first", ["unique-can-collide"]),
        ("-- @unique A(X) on-conflict=keep-first\n-- @unique a.y on-conflict=quarantine", []),
        (
            "-- @unique a.x on-conflict=quarantine\n-- @unique a.y on-conflict=keep-first",
            ["unique-can-collide"],
        ),
        (
            "-- @unique a.x on-conflict=both\n-- @unique a.y on-conflict=quarantine",
            ["unknown-directive"],
        ),
        (
            "-- @unique a.x on-conflict=quarantine\n-- @unique a.y on-conflict=quarantine\n"
            "-- @unique a.id on-conflict=quarantine\n-- @check a.x on-conflict=quarantine\n"
            "-- @unique a.y",
            ["unknown-directive"] * 3,
        ),
    ],
)
def test_a_policy_is_about_a_constraint_of_its_migration(directives: str, rules: list[str]) -> None:
    assert [each.rule for each in found(f"{directives}\n{UNIQUE}")] == rules


def test_a_policy_that_no_statement_follows_is_none() -> None:
    (finding,) = found(f"{KEYED}\n-- @unique a.x on-conflict=quarantine")
    assert (finding.rule, finding.why) == ("unknown-directive", "No statement follows it.")


def test_circles_of_foreign_keys_are_found_where_they_close() -> None:
    def table(name: str, parent: str) -> str:
        key = "id TEXT PRIMARY KEY NOT NULL"
        return f"CREATE TABLE {name} ({key}, p TEXT NOT NULL REFERENCES {parent});"

    circle = "\n".join([table("a", "b"), table("b", "c"), table("c", "a")])
    assert [(each.rule, each.line) for each in found(circle)] == [("foreign-key-cycle", 3)]
    assert (
        found(
            circle.replace(
                "c (id TEXT PRIMARY KEY NOT NULL, p TEXT NOT NULL",
                "c (id TEXT PRIMARY KEY NOT NULL, p TEXT",
            )
        )
        == ()
    )
    key = "CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL REFERENCES a)"
    assert [each.rule for each in found(key)] == ["foreign-key-cycle"]


@pytest.mark.parametrize(
    ("rule", "sql"),
    [
        ("fragile-key", "CREATE TABLE a (id BLOB PRIMARY KEY NOT NULL)"),
        ("nocase-column", KEYED + "ALTER TABLE a ADD COLUMN z TEXT COLLATE RTRIM"),
        ("identifier-case-clash", "CREATE TABLE Big (Id TEXT PRIMARY KEY NOT NULL, bodyText TEXT)"),
        (
            "mutable-key",
            KEYED + "CREATE TABLE b (id TEXT PRIMARY KEY NOT NULL,"
            " p TEXT REFERENCES a ON UPDATE SET NULL)",
        ),
    ],
)
def test_a_warning_refuses_nothing(rule: str, sql: str) -> None:
    (finding,) = found(sql)
    assert (finding.rule, finding.severity) == (rule, Severity.WARNING)
    assert checked_build(sources(sql)).warnings == (finding,)


@pytest.mark.parametrize(
    "definition", ["x TEXT COLLATE BINARY", "x TEXT DEFAULT ('a' COLLATE NOCASE)"]
)
def test_what_is_no_collation_of_its_column_is_no_matter(definition: str) -> None:
    every = found(f"CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, {definition})")
    assert "nocase-column" not in {each.rule for each in every}


@pytest.mark.parametrize(
    "texts",
    [
        [
            LOCAL,
            "ALTER TABLE l ADD COLUMN y; ALTER TABLE l RENAME TO m; ALTER TABLE m DROP COLUMN x",
            "DROP TABLE m",
        ],
        [LOCAL, "ALTER TABLE l ADD COLUMN y; CREATE UNIQUE INDEX i ON l (y)", "DROP INDEX i"],
        [LOCAL, "INSERT INTO l VALUES (1)", "DROP TABLE l"],
        [LOCAL, "CREATE TRIGGER t AFTER INSERT ON l BEGIN DELETE FROM l; END", "DROP TRIGGER t"],
        [KEYED, "CREATE VIEW v AS SELECT * FROM a", "ALTER TABLE a ADD COLUMN z TEXT"],
        [
            f"{KEYED} CREATE VIEW v AS SELECT * FROM a",
            "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN DELETE FROM a; END",
        ],
        ["-- @local-only\nCREATE VIEW v AS SELECT 1", "DROP VIEW IF EXISTS v"],
        ["-- @local-only\nCREATE VIRTUAL TABLE f USING fts5 (x)", "DROP TABLE f"],
    ],
)
def test_what_concerns_devices_only_is_judged_by_few_rules(texts: list[str]) -> None:
    assert check(sources(*texts)) == ()
    built = checked_build(sources(*texts)).build
    assert all(
        "CREATE" not in sql or '"l"' in sql or '"a"' in sql
        for each in built.migrations
        for sql in each.postgres
    )
    compiled = [sql for each in built.migrations for sql in each.statements]
    assert schema_of(compiled, built.schema.version) == built.schema


ENDLESS = "WITH RECURSIVE every(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM every)"


@pytest.mark.parametrize(
    ("row", "problem"),
    [("n", "has no end, or takes more than"), ("zeroblob(10000000)", "disk is full")],
)
def test_what_devices_have_of_their_own_has_an_end(row: str, problem: str) -> None:
    table = "-- @local-only\nCREATE TABLE numbers (n);\n-- @local-only\n"
    (finding,) = found(f"{table}INSERT INTO numbers {ENDLESS} SELECT {row} FROM every;")
    assert finding.rule == "sql-error"
    assert problem in finding.problem
    assert found(f"{table}INSERT INTO numbers {ENDLESS} SELECT n FROM every LIMIT 100000;") == ()
