"""What a hub knows of its devices, as a table, and whether their transactions add up."""

from collections.abc import Sequence

from electricsql.cli.output import show_table
from electricsql.errors import ServiceError
from electricsql.service.bodies import DeviceStatus, EnvironmentStatus, Migration

_HEADINGS = (
    *("ORIGIN", "DEVICE", "SCHEMA VERSION", "BEHIND", "LAG", "TRANSACTIONS", "WAITING", "SEEN"),
)


def show_devices(devices: Sequence[DeviceStatus], migrations: Sequence[Migration]) -> None:
    """A line for each. BEHIND counts migrations, LAG Postgres transactions that it doesn't have;
    WAITING counts its transactions that wait in the quarantine."""
    show_table(_HEADINGS, [_row(each, migrations) for each in devices])


def require_conserved(status: EnvironmentStatus) -> None:
    """See that every transaction that came from a device has a fate.

    Raises:
        ServiceError: `not-conserved`.
    """
    broken = [each for each in status.devices if not each.conserved]
    if broken:
        first = broken[0]
        raise ServiceError(
            "not-conserved",
            f"TRANSACTIONS ARE UNACCOUNTED FOR. Of device {first.device}"
            f"{f' and {len(broken) - 1} more' if len(broken) > 1 else ''}: {first.number} came,"
            f" {first.merged} were merged, {first.waiting} wait, {first.retried} were retried,"
            f" {first.discarded} were discarded.",
            "See whether somebody changed tables of schema electric; if not, report it, with what"
            " the view electric.fates says.",
        )


def _row(device: DeviceStatus, migrations: Sequence[Migration]) -> tuple[str, ...]:
    behind = sum(each.name > (device.schema_version or "") for each in migrations)
    return (
        str(device.origin),
        device.device,
        device.schema_version or "none yet",
        str(behind),
        "-" if device.lag is None else str(device.lag),
        str(device.number),
        str(device.waiting),
        device.seen_at.isoformat(" ", "seconds") if device.seen_at else "never",
    )
