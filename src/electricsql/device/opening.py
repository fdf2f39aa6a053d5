"""Finding out what `electrify` is to open: the bundle, and where its environment is served."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from electricsql.errors import DeviceError, ProjectError
from electricsql.migrations import LOCAL_ENV, Bundle, read_bundle

BundleSource = str | Path | Mapping[str, object] | Bundle | None
Token = str | Callable[[], str] | None

TOKEN_VARIABLE: Final = "ELECTRIC_DEVICE_TOKEN"
_CONFIG: Final = "electric.json"
_OUTPUT: Final = ".electric"
_WEBSOCKETS: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def find_bundle(source: BundleSource) -> Bundle:
    """The bundle that was given, or that of the app whose folder we are in.

    Raises:
        ProjectError: `not-initialised`, `bundle-not-found`, `bad-bundle`, `bad-config`.
    """
    if isinstance(source, Bundle):
        return source
    if source is not None:
        return read_bundle(source)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / _CONFIG).is_file():
            return read_bundle(folder / _output(folder / _CONFIG) / "@config")
    raise ProjectError(
        "not-initialised",
        f"There is no {_CONFIG} in {here} or above it, so no bundle was found.",
        "Give electrify the bundle's path, or run it in the app's folder.",
    )


def stream_url(bundle: Bundle, url: str | None) -> str:
    """Where the device's stream is: the URL that was given, or the one in the bundle.

    Raises:
        DeviceError: `no-url`, `bad-url`.
    """
    if url is None:
        if bundle.service is None or bundle.env == LOCAL_ENV:
            raise DeviceError(
                "no-url",
                f"The bundle of {bundle.app} doesn't say where it is served.",
                "Use a bundle that `electric sync` wrote, give electrify a url, or sync=False.",
            )
        url = f"{bundle.service.rstrip('/')}/ws/{bundle.app}/{bundle.env}"
    try:
        parts = urlsplit(url)
        is_stream = parts.scheme in _WEBSOCKETS and parts.hostname and parts.port != 0
    except ValueError:  # brackets that don't match, a port that is no number
        is_stream = False
    if not is_stream:
        raise DeviceError(
            "bad-url",
            f"{url!r} is not the URL of a device stream.",
            "It looks like ws://127.0.0.1:5133/ws/<app>/<env>.",
        )
    return urlunsplit(parts._replace(scheme=_WEBSOCKETS[parts.scheme]))


def token_source(token: Token) -> Callable[[], str]:
    """What gives a token for each connection; by default the environment's
    ELECTRIC_DEVICE_TOKEN."""
    if callable(token):
        return token
    fixed = token
    return lambda: fixed if fixed is not None else os.environ.get(TOKEN_VARIABLE, "")


def _output(config: Path) -> str:
    try:
        content = json.loads(config.read_bytes())
        return str(content.get("outputDir", _OUTPUT))
    except (OSError, ValueError, AttributeError) as error:
        raise ProjectError(
            "bad-config",
            f"{config} can't be read: {error}.",
            "Correct it, or make it anew with `electric init`.",
        ) from None
