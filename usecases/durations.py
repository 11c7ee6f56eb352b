"""Lengths of time as a declaration writes them: "30m", "12h", "7d", "2w". No field belongs here."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(value: Any) -> timedelta:
    """Read "30m", "12h", "7d" or "2w".

    Raises:
        PydanticCustomError: If the text is no such length of time.
    """
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([0-9]{1,5})([mhdw])", value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError(
            "duration", 'not a length of time; expected for example "12h" or "7d"'
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def write_duration(value: timedelta) -> str:
    """Write a length of time in its largest whole unit."""
    minutes = int(value / timedelta(minutes=1))
    for unit, size in (("w", 10080), ("d", 1440), ("h", 60)):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(write_duration, when_used="json")
]


def at_least(least: str) -> AfterValidator:
    """Refuse what is shorter than ``least``, in words that a declaration uses."""
    bound = parse_duration(least)

    def check(value: timedelta) -> timedelta:
        if value < bound:
            raise PydanticCustomError(
                "duration_too_short",
                "too short; expected at least {least}",
                {"least": least},
            )
        return value

    return AfterValidator(check)
