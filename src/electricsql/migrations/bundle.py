"""What an app ships: its migrations, compiled; and the other files that a build writes.

`bundle.json`, `index.js` and `index.d.ts` hold the same object. `manifest.json` is for people and
tools that look at the migrations folder.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from electricsql.errors import ProjectError
from electricsql.lenses import Lens
from electricsql.migrations.build import BuiltMigration

LOCAL_ENV: Final = "local"
"""The environment named in a bundle that no service has validated."""


class BundleMigration(msgspec.Struct, frozen=True, omit_defaults=True):
    """A compiled migration: its SQLite statements, and the hash of the file they come from. One
    without a `lens` was compiled before there were any, and only adds."""

    name: str
    title: str
    sha256: str
    statements: tuple[str, ...]
    additive: bool = True
    lens: Lens | None = None


class Bundle(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """All that a device needs to know of an app. `service` is where the environment is served."""

    app: str
    env: str
    schema_version: str | None
    migrations: tuple[BundleMigration, ...]
    service: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Of its migrations."""
        return frozenset(migration.name for migration in self.migrations)


def make_bundle(
    app: str, env: str, migrations: Iterable[BundleMigration], service: str | None = None
) -> Bundle:
    """A bundle of these migrations; its schema version is the last one's name."""
    every = tuple(migrations)
    return Bundle(app, env, every[-1].name if every else None, every, service)


def bundled(built: BuiltMigration) -> BundleMigration:
    """A built migration as a bundle has it."""
    source, statements = built.source, built.statements
    return BundleMigration(
        source.name, source.title, source.sha256, statements, built.additive, built.lens
    )


def read_bundle(source: str | Path | Mapping[str, object]) -> Bundle:
    """A bundle from a folder with a bundle.json, such a file, or the object itself.

    Raises:
        ProjectError: `bundle-not-found`, `bad-bundle`.
    """
    if isinstance(source, Mapping):
        return _checked(lambda: msgspec.convert(source, Bundle), "The bundle")
    path = Path(source)
    path = path / "bundle.json" if path.is_dir() else path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProjectError(
            "bundle-not-found",
            f"The bundle {path} can't be read: {error.strerror}.",
            "Run `electric build` or `electric sync`, which write it.",
        ) from None
    return _checked(lambda: msgspec.json.decode(content, type=Bundle), f"The bundle {path}")


def bundle_json(bundle: Bundle) -> str:
    """The content of bundle.json."""
    return _indented(bundle)


def index_js(bundle: Bundle) -> str:
    """The content of index.js, an ES module."""
    return f"export default {_indented(bundle).rstrip()};\n"


INDEX_D_TS: Final = """\
export interface Migration {
  readonly name: string;
  readonly title: string;
  readonly sha256: string;
  readonly statements: readonly string[];
  readonly additive?: false;
  readonly lens?: Readonly<Record<string, unknown>>;
}

export interface Bundle {
  readonly app: string;
  readonly env: string;
  readonly schemaVersion: string | null;
  readonly migrations: readonly Migration[];
  readonly service?: string;
}

declare const bundle: Bundle;
export default bundle;
"""


def manifest_json(app: str, migrations: Sequence[BundleMigration]) -> str:
    """The content of migrations/manifest.json."""
    return _indented({"app": app, "migrations": list(migrations)})


def _indented(value: object) -> str:
    """JSON that is also JavaScript, readable and with a stable order."""
    plain = msgspec.to_builtins(value)
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") + "\n"


def _checked(read: Callable[[], Bundle], what: str) -> Bundle:
    try:
        return read()
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ProjectError(
            "bad-bundle", f"{what} is not one: {error}.", "Build it anew with `electric build`."
        ) from None
