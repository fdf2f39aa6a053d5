"""A device whose uplink takes 1 kB/s has uploaded a large transaction in the end, on its first
connection: nobody loses patience with it."""

import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from electricsql import electrify
from electricsql.limits import LINK_BYTES_PER_S_MIN, STUCK_MS_MAX
from tests.integration.tcc.proxy import Network
from tests.integration.whole.processes import App

TABLE = "CREATE TABLE pictures (id TEXT PRIMARY KEY NOT NULL, bytes BLOB NOT NULL);\n"
SECONDS = STUCK_MS_MAX // 1_000 + 15
"""Longer than anybody waits who sees no progress."""


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_large_upload_gets_through(app: App, tmp_path: Path) -> None:
    app.migrate("pictures", TABLE)
    with Network() as network:
        proxy = network.proxy(app.service.port)
        url = f"ws://127.0.0.1:{proxy.port}/ws/{app.name}/default"
        with closing(electrify(tmp_path / "one.db", app.bundle, url, app.token)) as device:
            device.sync(60)
            proxy.up.bytes_per_s = LINK_BYTES_PER_S_MIN
            picture = os.urandom(SECONDS * LINK_BYTES_PER_S_MIN)
            device.execute("INSERT INTO pictures VALUES ('p', ?)", (picture,))
            device.connection.commit()
            began = time.monotonic()
            device.sync(8 * SECONDS)
            assert time.monotonic() - began >= SECONDS - 1
            assert device.status.last_error is None
    log = (app.service.folder / "service.log").read_text()
    assert '"silent"' not in log
