"""What a service counts, for Prometheus. One process, so the default registry."""

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

STREAMS: Final = Gauge("electric_streams", "Device streams that are open.")
MERGES: Final = Counter("electric_merges", "Batches of device transactions that were committed.")
MERGED: Final = Counter("electric_merged_transactions", "Device transactions that were committed.")
DELTAS: Final = Counter("electric_deltas_read", "Deltas that were read and encoded.")
DELTA_ROWS: Final = Counter("electric_delta_rows_read", "Rows in these deltas.")
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def exposition() -> bytes:
    """The page that Prometheus reads."""
    return generate_latest()
