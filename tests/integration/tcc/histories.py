"""What goes wrong with histories: devices that are away for longer than the hub remembers, and
several `electric sync` at once.

As in `faults.py`, each function strikes once, and returns when it is over.
"""

import re
import shutil
import time
from typing import Final

from tests.integration.tcc import hasty_process
from tests.integration.tcc.faults import Fault, Strike, healed
from tests.integration.tcc.sessions import PATIENCE_S
from tests.integration.tcc.stage import POLL_S, Stage
from tests.integration.whole.processes import App

_SYNCS: Final = 2
_CODE: Final = re.compile(r"\[([a-z-]+)\]$")
_TOO_LATE: Final = {"migration-missing", "out-of-order"}
_NOW: Final = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_LONG_AGO: Final = """
UPDATE electric.devices SET seen_at = now() - interval '1 year' WHERE device = ANY($1::text[])
"""
_FORGOTTEN: Final = """
SELECT h.horizon > greatest($2, max(d.needs))
FROM electric.hub h, electric.devices d WHERE d.device = ANY($1::text[]) GROUP BY h.horizon
"""


def devices_long_away(strike: Strike) -> None:
    """Devices are away for longer than the hub keeps what they have not received: tombstones, and
    who wrote what. The others go on, and so do they."""
    stage = strike.stage
    _clean_often(stage)
    away = strike.some_devices()
    with healed([stage.links[device.name] for device in away]) as links:
        for link in links:
            link.cut()
        strike.last()
        stage.progress(3)
        names = [stage.id_of(device) for device in away]
        stage.query(_LONG_AGO, names)
        _wait_until_forgotten(stage, names)


def _clean_often(stage: Stage) -> None:
    service = stage.service
    if not service.wrapper:
        service.kill()
        service.wrapper = (hasty_process.__name__,)
        service.start()


def _wait_until_forgotten(stage: Stage, devices: list[str]) -> None:
    """Until the hub has forgotten all that was there when we began to wait."""
    ((now,),) = stage.query(_NOW)
    end = time.monotonic() + PATIENCE_S
    while stage.query(_FORGOTTEN, devices, now) != [(True,)]:
        assert time.monotonic() < end, "the hub forgets nothing"
        time.sleep(POLL_S)


def syncs_race(strike: Strike) -> None:
    """Two people have made a migration each, and sync it, each twice at once. One of them is first,
    and the other is told."""
    stage = strike.stage
    stage.migrate(apply=lambda: _race(stage))


def _race(stage: Stage) -> None:
    mine, theirs = stage.app, _colleague(stage)
    racing = [app.start("sync") for _ in range(_SYNCS) for app in (mine, theirs)]
    ends = [(process.communicate(timeout=PATIENCE_S)[1], process.returncode) for process in racing]
    won = [app for app, place in ((mine, 0), (theirs, 1)) if not ends[place][1]]
    assert len(won) == 1, "\n".join(map(str, ends))
    for place, (complaint, status) in enumerate(ends):
        app = (mine, theirs)[place % 2]
        said = _CODE.search(complaint.strip())
        assert (status == 0) == (app in won), complaint
        assert status == 0 or (said and said[1] in _TOO_LATE), complaint
    if theirs in won:
        shutil.rmtree(mine.folder / "migrations")
        shutil.copytree(theirs.folder / "migrations", mine.folder / "migrations")
    shutil.rmtree(theirs.folder)


def _colleague(stage: Stage) -> App:
    """Another folder of the same app, whose last migration has the same contents, and another
    name."""
    theirs = App(stage.folder / "colleague", stage.service, stage.app.name, stage.app.token)
    shutil.copytree(stage.app.folder, theirs.folder, symlinks=True)
    last = max((theirs.folder / "migrations").glob("*/migration.sql"))
    title = f"the same as {last.parent.name}"  # no two migrations of an app have one
    path = theirs.folder / theirs.electric("migrations", "new", title)
    shutil.copy(last, path)
    shutil.rmtree(last.parent)
    return theirs


HISTORIES: Final[dict[str, Fault]] = {
    "devices away for longer than tombstones are kept": devices_long_away,
    "several `electric sync` at once": syncs_race,
}
