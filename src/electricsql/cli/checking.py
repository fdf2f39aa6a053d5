"""Checking an app's new migrations: which are new, and findings as people see them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import msgspec

from electricsql.checks import Finding, check, counted
from electricsql.checks.formats import text
from electricsql.checks.formats.text import Style
from electricsql.cli.api import Api
from electricsql.cli.comparing import applied_in
from electricsql.cli.output import counted as count
from electricsql.cli.output import shown
from electricsql.cli.outputs import bundle_folder
from electricsql.cli.project import Project
from electricsql.errors import ElectricError, MigrationError
from electricsql.migrations import BundleMigration, Source, read_bundle

_WARNINGS_MAX: Final = 5  # beside what is asked for; adopted schemas have dozens
_COLOURS: Final = {
    Style.ERROR: "red",
    Style.WARNING: "yellow",
    Style.FRAME: "blue",
    Style.STRONG: None,
}


def applied_at(project: Project, env: str) -> Mapping[str, str]:
    """What the environment has applied, each with its sha256.

    Raises:
        ServiceError: the service can't be reached, or refused.
    """
    api = Api(project.service(env)).environment(project.config.app, env)
    return {each.name: each.sha256 for each in applied_in(api).values()}


def last_known(project: Project, env: str) -> Mapping[str, str]:
    """The same as of the last sync, whose bundle is here; nothing if there is none."""
    try:
        bundle = read_bundle(bundle_folder(project, env))
    except ElectricError:
        return {}
    return {each.name: each.sha256 for each in bundle.migrations} if bundle.env == env else {}


class _Manifest(msgspec.Struct):
    migrations: list[BundleMigration]


def built_before(project: Project, sources: Iterable[Source]) -> set[str]:
    """The migrations that the last build had with the same contents: they were judged then."""
    try:
        content = (project.migrations / "manifest.json").read_bytes()
        manifest = msgspec.json.decode(content, type=_Manifest)
    except (OSError, msgspec.MsgspecError):
        return set()
    hashes = {each.name: each.sha256 for each in manifest.migrations}
    return {each.name for each in sources if hashes.get(each.name) == each.sha256}


def judged(project: Project, sources: Sequence[Source], known: Iterable[str], what: str) -> None:
    """Check the new migrations, and show what is found on stderr.

    Raises:
        MigrationError: there are errors; its code is the first one's rule.
    """
    findings = placed(project, check(sources, frozenset(known)))
    errors = [each for each in findings if each.is_error]
    warnings = [each for each in findings if not each.is_error]
    show([*errors, *warnings[:_WARNINGS_MAX]])
    if len(warnings) > _WARNINGS_MAX:
        more = count(len(warnings) - _WARNINGS_MAX, "more warning")
        click.echo(f"And {more}: `electric check` shows them all.", err=True)
    if errors:
        raise MigrationError(
            errors[0].rule,
            f"{counted(findings)} in new migrations: {what}.",
            f"Correct them; `electric check --explain {errors[0].rule}` tells more.",
        )


def show(findings: Sequence[Finding], *, to_stderr: bool = True) -> None:
    """Findings for people."""
    if findings:
        click.echo(text.shown(findings, _paint), err=to_stderr)


def placed(
    project: Project, findings: Iterable[Finding], base: Path | None = None
) -> tuple[Finding, ...]:
    """Findings with the paths that an editor opens: from a folder; by default, from here."""
    folder = shown(project.migrations, base)
    return tuple(replace(each, file=f"{folder}/{each.file}") for each in findings)


def repository(folder: Path) -> Path | None:
    """The top of the checkout that a folder is in: what reviews of it count paths from."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _paint(style: Style, part: str) -> str:
    return click.style(part, fg=_COLOURS[style], bold=True)
