"""What a build or a sync writes: the manifest, the bundle in three spellings, two links."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from electricsql.cli.api import EnvironmentApi
from electricsql.cli.files import ensure_room, link, write_together
from electricsql.cli.output import shown
from electricsql.cli.project import Project
from electricsql.migrations import INDEX_D_TS, Bundle, bundle_json, index_js, manifest_json


def write_outputs(
    project: Project, env: str, bundle: Bundle, others: Mapping[Path, str] | None = None
) -> str:
    """Write all files of a bundle and the links to it, and `others` with them; gives the folder.

    Raises:
        ProjectError: `cannot-write`; then no file has changed.
    """
    folder = bundle_folder(project, env)
    files = {
        folder / "bundle.json": bundle_json(bundle),
        folder / "index.js": index_js(bundle),
        folder / "index.d.ts": INDEX_D_TS,
        project.migrations / "manifest.json": manifest_json(bundle.app, bundle.migrations),
    }
    write_together(files | dict(others or {}))
    link_default(project)
    return shown(folder)


def link_default(project: Project) -> None:
    """Point `@app` and `@config` to the app and to its default environment.

    Raises:
        ProjectError: `cannot-write`.
    """
    config = project.config
    link(project.output / "@app", config.app)
    link(project.output / "@config", f"{config.app}/{config.default_env}")


def ensure_outputs_fit(project: Project, env: str, bundle: Bundle) -> None:
    """Find out whether the files of such a bundle can be written.

    Raises:
        ProjectError: `cannot-write`.
    """
    content = bundle_json(bundle)
    ensure_room(bundle_folder(project, env), content + index_js(bundle))
    ensure_room(project.migrations, manifest_json(bundle.app, bundle.migrations))


def deployed_bundle(api: EnvironmentApi) -> Bundle:
    """The bundle of what an environment has applied, with the address that serves it."""
    return msgspec.structs.replace(api.bundle(), service=api.url)


def bundle_folder(project: Project, env: str) -> Path:
    """Where an environment's bundle is."""
    return project.output / project.config.app / env
