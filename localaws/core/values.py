"""Single values on the wire: text to numbers and times, times to text. All protocols share these.

Structures do not belong here.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from botocore.utils import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda text: text.lower() == "true",
    "timestamp": parse_timestamp,
    "blob": base64.b64decode,
}


def from_text(shape: Any, text: str) -> Any:
    """Return the value that a header, path, query or form spells as text.

    Raises:
        ValueError: The text does not spell a value of this shape.
    """
    if shape.type_name == "list":
        return [from_text(shape.member, part.strip()) for part in text.split(",")]
    return _FROM_TEXT.get(shape.type_name, str)(text)


def timestamp(style: str, value: Any) -> Any:
    """Return a time in one of the three forms AWS's protocols know.

    Args:
        style: ``iso8601``, ``rfc822`` or ``unixTimestamp``.
        value: A datetime (naive: UTC) or epoch seconds.

    Raises:
        TypeError: The value is no time.
    """
    moment = _moment(value)
    if style == "iso8601":
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if style == "rfc822":
        return format_datetime(moment, usegmt=True)
    return round(moment.timestamp(), 3)


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    raise TypeError(f"a timestamp must be a datetime or epoch seconds, not {value!r}")
