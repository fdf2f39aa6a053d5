"""`electric config`: electric.json, shown and changed."""

from pathlib import Path

import click
import msgspec

from electricsql.cli.output import show_json
from electricsql.cli.outputs import link_default
from electricsql.cli.project import (
    DEFAULT_SERVICE,
    FILE,
    Config,
    Environment,
    Project,
    checked_name,
    checked_service,
    find_project,
)
from electricsql.cli.shell import ElectricGroup
from electricsql.errors import UsageError


@click.group(cls=ElectricGroup)
def config() -> None:
    """Show and change electric.json."""


@config.command()
def show() -> None:
    """Print electric.json.

    \b
    Example:
      electric config show
    """
    show_json(find_project(Path.cwd()).config)


@config.command()
@click.option("--app", help="The app's name.")
@click.option("--env", metavar="ENV", help="The default environment.")
@click.option("--service", metavar="URL", help="The default environment's service.")
@click.option("--migrations-dir", metavar="DIR")
@click.option("--output-dir", metavar="DIR")
def update(
    *,
    app: str | None,
    env: str | None,
    service: str | None,
    migrations_dir: str | None,
    output_dir: str | None,
) -> None:
    """Change what is given, leave the rest.

    \b
    Example:
      electric config update --env staging
    """
    project = find_project(Path.cwd())
    config = project.config
    default_env = project.env_name(env)
    environments = dict(config.environments)
    if service is not None:
        environments[default_env] = Environment(checked_service(service))
    changed = Config(
        app=config.app if app is None else checked_name("app", app),
        default_env=default_env,
        migrations_dir=config.migrations_dir if migrations_dir is None else migrations_dir,
        output_dir=config.output_dir if output_dir is None else output_dir,
        environments=environments,
    )
    _write(project, changed)


@config.command("add_env")
@click.argument("env")
@click.option("--service", default=DEFAULT_SERVICE, show_default=True, metavar="URL")
def add_env(env: str, *, service: str) -> None:
    """Add an environment.

    \b
    Example:
      electric config add_env prod --service https://sync.example.com
    """
    project = find_project(Path.cwd())
    checked_name("environment", env)
    if env in project.config.environments:
        raise UsageError(
            "environment-configured",
            f"{FILE} has an environment {env!r} already.",
            f"Change it with `electric config update_env {env}`.",
        )
    _set_environment(project, env, service)


@config.command("update_env")
@click.argument("env")
@click.option("--service", required=True, metavar="URL", help="Where its service answers.")
def update_env(env: str, *, service: str) -> None:
    """Change an environment.

    \b
    Example:
      electric config update_env prod --service https://sync.example.com
    """
    project = find_project(Path.cwd())
    _set_environment(project, project.env_name(env), service)


@config.command("remove_env")
@click.argument("env")
def remove_env(env: str) -> None:
    """Remove an environment from electric.json; its data stays where it is.

    \b
    Example:
      electric config remove_env staging
    """
    project = find_project(Path.cwd())
    name = project.env_name(env)
    if name == project.config.default_env:
        raise UsageError(
            "default-environment",
            f"{name!r} is the default environment.",
            "Make another one the default first, with `electric config update --env ENV`.",
        )
    environments = {key: value for key, value in project.config.environments.items() if key != name}
    _write(project, msgspec.structs.replace(project.config, environments=environments))


def _set_environment(project: Project, env: str, service: str) -> None:
    environments = {**project.config.environments, env: Environment(checked_service(service))}
    _write(project, msgspec.structs.replace(project.config, environments=environments))


def _write(project: Project, changed: Config) -> None:
    """Write electric.json; the links follow it where there are some."""
    after = Project(project.folder, changed)
    after.write()
    if (after.output / "@config").is_symlink():
        link_default(after)
    click.echo(f"Wrote {after.file}")
