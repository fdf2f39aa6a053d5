"""What a service writes to stderr: lines for people on a terminal, JSON otherwise.

Nothing secret is ever an argument of a log call: no token, no key, no URL with a password, no row.
Of a device's id, which is a secret too, only the beginning is written. No traceback shows values.
"""

import logging
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

_DEVICE_CHARS: Final = 8
"""Of an id's 32: enough to tell devices apart, and to find one in `electric devices list`."""


def configure_logs() -> None:
    """Set up structlog, and send the warnings of libraries through it."""
    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        shorten_devices,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderer,
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def shorten_devices(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The ids of devices by their beginnings."""
    if "device" in event:
        event["device"] = event["device"][:_DEVICE_CHARS]
    if "devices" in event:
        event["devices"] = [device[:_DEVICE_CHARS] for device in event["devices"]]
    return event
