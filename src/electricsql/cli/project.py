"""electric.json: found from the working folder upward, read strictly, written whole.

    {
      "app": "notes",
      "defaultEnv": "default",
      "migrationsDir": "migrations",
      "outputDir": ".electric",
      "environments": {"default": {"service": "http://127.0.0.1:5133"}}
    }

Folders are relative to the file's own.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from electricsql.cli.files import write_together
from electricsql.errors import ProjectError, UsageError
from electricsql.migrations import FILE as MIGRATION_FILE
from electricsql.migrations.names import FORM, is_name

FILE: Final = "electric.json"
DEFAULT_ENV: Final = "default"
DEFAULT_SERVICE: Final = "http://127.0.0.1:5133"
DEFAULT_MIGRATIONS_DIR: Final = "migrations"
DEFAULT_OUTPUT_DIR: Final = ".electric"
NAME: Final = r"[a-z][a-z0-9_-]{0,30}"
"""What an app and an environment may be called, as the service has it."""


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One deployment of the app: where its service answers, `http://host:port`."""

    service: str = DEFAULT_SERVICE


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The content of electric.json."""

    app: str
    default_env: str = DEFAULT_ENV
    migrations_dir: str = DEFAULT_MIGRATIONS_DIR
    output_dir: str = DEFAULT_OUTPUT_DIR
    environments: dict[str, Environment]


@dataclass(frozen=True, slots=True)
class Project:
    """An app's folder, and its electric.json."""

    folder: Path
    config: Config

    @property
    def file(self) -> Path:
        return self.folder / FILE

    @property
    def migrations(self) -> Path:
        return self.folder / self.config.migrations_dir

    @property
    def output(self) -> Path:
        return self.folder / self.config.output_dir

    def migration_file(self, name: str) -> Path:
        """Where the SQL of a migration is, or will be.

        Raises:
            ProjectError: `bad-migration-name`: a service's migration could be written elsewhere.
        """
        if not is_name(name) or Path(name).name != name:
            raise ProjectError(
                "bad-migration-name",
                f"{name!r} is not named like a migration, {FORM}.",
                "See what the service has with `electric migrations list`.",
            )
        return self.migrations / name / MIGRATION_FILE

    def env_name(self, name: str | None) -> str:
        """The environment that is meant: the one asked for, else the default.

        Raises:
            UsageError: `environment-not-configured`.
        """
        wanted = name or self.config.default_env
        if wanted not in self.config.environments:
            known = ", ".join(self.config.environments)
            raise UsageError(
                "environment-not-configured",
                f"{FILE} has no environment {wanted!r}; it has {known}.",
                f"Choose one of them, or add it with `electric config add_env {wanted}`.",
            )
        return wanted

    def service(self, env: str) -> str:
        """The address of an environment's service."""
        return self.config.environments[env].service

    def write(self) -> None:
        """Write electric.json.

        Raises:
            ProjectError: `cannot-write`.
        """
        content = json.dumps(msgspec.to_builtins(self.config), indent=2, ensure_ascii=False)
        write_together({self.file: content + "\n"})


def find_project(start: Path) -> Project:
    """The app that a folder belongs to: electric.json there, or in the nearest folder above.

    Raises:
        ProjectError: `not-initialised`, `bad-config`.
    """
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return Project(folder, _read(folder / FILE))
    raise ProjectError(
        "not-initialised",
        f"There is no {FILE} in {start} or in a folder above it.",
        "Go to your app's folder, or make it one with `electric init APP`.",
    )


def checked_name(what: str, name: str) -> str:
    """A name for an app or an environment.

    Raises:
        UsageError: `bad-name`.
    """
    if not re.fullmatch(NAME, name):
        raise UsageError(
            "bad-name",
            f"{name!r} can't be the name of an {what}.",
            "Use lower-case letters, digits, _ and -, a letter first, 31 characters at most.",
        )
    return name


def checked_service(url: str) -> str:
    """A service's address, without a slash at its end.

    Raises:
        UsageError: `bad-service-url`.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(
            "bad-service-url",
            f"{url!r} is not the address of a service.",
            f"Give one like {DEFAULT_SERVICE} or https://sync.example.com.",
        )
    return url.rstrip("/")


def _read(path: Path) -> Config:
    try:
        config = msgspec.convert(json.loads(path.read_bytes()), Config)
        checked_name("app", config.app)
        for name, environment in config.environments.items():
            checked_name("environment", name)
            checked_service(environment.service)
    except OSError as error:
        raise _bad(path, f"can't be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        why = f"is not JSON: line {error.lineno} column {error.colno}: {error.msg}"
        raise _bad(path, why) from None
    except UnicodeDecodeError:
        raise _bad(path, "is not UTF-8 text") from None
    except RecursionError:
        raise _bad(path, "is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise _bad(path, f"does not fit: {error}") from None
    except UsageError as error:
        raise _bad(path, f"does not fit: {error.problem.rstrip('.')}") from None
    if config.default_env not in config.environments:
        raise _bad(path, f"names {config.default_env!r} as defaultEnv, and has no such environment")
    return config


def _bad(path: Path, why: str) -> ProjectError:
    return ProjectError(
        "bad-config", f"{path} {why}.", "Correct it by hand; `electric init --help` shows its form."
    )
