"""Times of a cron schedule, in UTC: minute, hour, day of month, month, day of week.

Numbers, names (jan, mon), lists, ranges and steps are read. Day of month and day of week may not
both be limited: engines disagree on whether that means "and" or "or". No clock is asked here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([0-9]{1,2}))?")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: Days after which a schedule has come round at the latest: 29 February was eight years apart
#: around 1900 and will be around 2100.
_ROUND = 8 * 366 + 1


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule that was read; times are naive UTC."""

    times: tuple[time, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def newest(self, moment: datetime) -> datetime:
        """Give the newest time of the schedule that is not after a moment."""
        for back in range(_ROUND):
            day = moment.date() - timedelta(days=back)
            found = [at for each in self._of(day) if (at := datetime.combine(day, each)) <= moment]
            if found:
                return found[-1]
        raise AssertionError("a schedule that was read comes round")

    def upcoming(self, moment: datetime) -> datetime:
        """Give the first time of the schedule after a moment."""
        for ahead in range(_ROUND):
            day = moment.date() + timedelta(days=ahead)
            found = [at for each in self._of(day) if (at := datetime.combine(day, each)) > moment]
            if found:
                return found[0]
        raise AssertionError("a schedule that was read comes round")

    def _of(self, day: date) -> tuple[time, ...]:
        fits = (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )
        return self.times if fits else ()


def parse(text: str) -> Cron:
    """Read a schedule such as ``0 6 * * 1``.

    Raises:
        ValueError: It is none, or never comes round; the message says which field is wrong.
    """
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"{len(words)} fields where a schedule has five")
    minutes, hours, days, months, weekdays = (
        _field(word, *field) for word, field in zip(words, _FIELDS, strict=True)
    )
    if words[2] != "*" and words[4] != "*":
        raise ValueError("day of month and day of week are both limited")
    if not any(min(days) <= _LONGEST[month - 1] for month in months):
        raise ValueError("no month of it has such a day")
    times = tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes))
    return Cron(times, days, months, frozenset(day % 7 for day in weekdays))


def _field(word: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None or match[3] == "0":
            raise ValueError(f"{name} {part!r} is not understood")
        first, last = low, high if name != "day of week" else 6
        if match[1] is not None:
            first = _number(match[1], name, low, names)
            # As cron has it, "5/10" is from 5 on, and "5" is 5 alone.
            last = (
                _number(match[2], name, low, names) if match[2] else (last if match[3] else first)
            )
        if not low <= first <= last <= high:
            raise ValueError(f"{name} {part!r} is outside of {low} to {high}")
        found.update(range(first, last + 1, int(match[3] or 1)))
    return frozenset(found)


def _number(word: str, name: str, low: int, names: tuple[str, ...]) -> int:
    if word.lower() in names:
        return names.index(word.lower()) + low
    if not word.isdecimal():
        raise ValueError(f"{name} {word!r} is not understood")
    return int(word)
