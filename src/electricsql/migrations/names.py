"""What migrations are called: the moment they were begun, and their title as a slug.

Time is an argument here. The order of migrations is the order of their folders' names.
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from electricsql.errors import UsageError
from electricsql.limits import SLUG_LENGTH_MAX

_DIGITS: Final = 17  # YYYYMMDDHHMMSSmmm
_NAME: Final = re.compile(r"(?P<stamp>\d(?:_?\d){16})(?:_(?P<slug>.+))?")
FORM: Final = "<YYYYMMDDHHMMSSmmm>_<slug>"


def is_name(folder: str) -> bool:
    """Whether a folder's name is that of a migration; its digits may be split by `_`."""
    return _NAME.fullmatch(folder) is not None


def title_of(name: str) -> str:
    """A migration's title as its name tells it: the slug with spaces."""
    match = _NAME.fullmatch(name)
    slug = match["slug"] if match else None
    return (slug or name).replace("_", " ")


def new_name(title: str, now: datetime, taken: Collection[str]) -> str:
    """A name for a new migration that sorts after `taken` and collides with none of them.

    Raises:
        UsageError: `empty-title`, `duplicate-slug`.
    """
    slug = _slug(title)
    for name in taken:
        match = _NAME.fullmatch(name)
        if match and match["slug"] == slug:
            raise UsageError(
                "duplicate-slug",
                f"There is a migration of this title already: {name}.",
                "Choose another title, so that the two can be told apart.",
            )
    return f"{_stamp(now, taken)}_{slug}"


def _slug(title: str) -> str:
    ascii = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    room = SLUG_LENGTH_MAX - _DIGITS - 1
    slug = re.sub(r"[^a-z0-9]+", "_", ascii.lower()).strip("_")[:room].strip("_")
    if not slug:
        raise UsageError(
            "empty-title",
            f"The title {title!r} has no letter or digit that a folder's name could be made of.",
            "Say in a few words what the migration does, for example: add notes",
        )
    return slug


def _stamp(now: datetime, taken: Collection[str]) -> str:
    """The moment in UTC to the millisecond; later than every one that is taken."""
    moment = now.astimezone(UTC)
    stamp = moment.strftime("%Y%m%d%H%M%S") + f"{moment.microsecond // 1000:03}"
    used = {re.sub(r"\D", "", match["stamp"]) for name in taken if (match := _NAME.fullmatch(name))}
    while stamp in used:
        stamp = str(int(stamp) + 1)
    return stamp
