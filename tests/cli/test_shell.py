"""How every command behaves: help, errors, exit statuses, colour, speed of the start."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from electricsql import __version__
from electricsql.cli.main import main
from tests.cli.conftest import ELECTRIC, Typist


def commands() -> list[tuple[str, click.Command]]:
    """Every command with the words that call it."""
    found: list[tuple[str, click.Command]] = []

    def walk(words: str, group: click.Group) -> None:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                walk(f"{words} {name}", command)
            else:
                found.append((f"{words} {name}", command))

    walk("electric", main)
    return found


@pytest.mark.parametrize(("words", "command"), commands())
def test_every_command_has_help_with_an_example(words: str, command: click.Command) -> None:
    assert command.help
    _, _, example = command.help.partition("Example:")
    assert words in example


@pytest.mark.parametrize(("words", "command"), commands())
def test_every_command_takes_verbose(words: str, command: click.Command) -> None:
    assert "--verbose" in command.get_help(click.Context(command, info_name=words))


def test_the_version_is_shown_without_loading_what_is_heavy() -> None:
    script = (
        "import sys\nfrom electricsql.cli.main import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'asyncpg', 'msgspec', 'starlette', 'uvicorn', 'rich', 'asyncio', 'sqlite3', 'ssl'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"electric, version {__version__}", "[]"]


def test_a_misused_command_ends_with_2(electric: Typist) -> None:
    for words in (["nonsense"], ["build", "--nonsense"], ["init"], ["migrations", "new"]):
        said = electric(*words)
        assert (said.status, said.out) == (2, "")
        assert "Usage:" in said.err


def test_a_traceback_is_shown_when_it_is_asked_for(electric: Typist) -> None:
    for words in (["--verbose", "build"], ["build", "--verbose"]):
        said = electric(*words)
        assert said.err.startswith("Traceback")
        assert said.err.endswith("[not-initialised]\n")


def test_what_nobody_foresaw_is_still_a_sentence(
    notes: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the roof is on fire")

    monkeypatch.setattr("electricsql.cli.building.build", broken)
    message = notes.fails("build", code="internal-error")
    assert "RuntimeError: the roof is on fire" in message
    assert "--verbose" in message


def electric_on_a_terminal(folder: Path, **environment: str) -> str:
    """What `electric build` shows there."""
    reader, writer = os.openpty()
    try:
        subprocess.run(
            [ELECTRIC, "build"],
            cwd=folder,
            stderr=writer,
            env={**os.environ, **environment},
            check=False,
        )
        return os.read(reader, 4096).decode()
    finally:
        os.close(reader)
        os.close(writer)


def test_colour_is_for_terminals_only(electric: Typist) -> None:
    assert "\x1b[31m" in electric_on_a_terminal(electric.folder, NO_COLOR="")
    assert "\x1b" not in electric_on_a_terminal(electric.folder, NO_COLOR="1")
    done = subprocess.run(
        [ELECTRIC, "build"], cwd=electric.folder, capture_output=True, check=False
    )
    assert b"\x1b" not in done.stderr


def test_completion_knows_the_commands() -> None:
    environment = {
        **os.environ,
        "_ELECTRIC_COMPLETE": "bash_complete",
        "COMP_WORDS": "electric mig",
        "COMP_CWORD": "1",
    }
    done = subprocess.run([ELECTRIC], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "plain,migrations\n"


def test_a_reader_that_has_had_enough_is_no_error(notes: Typist) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [str(ELECTRIC), "config", "show"]
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
