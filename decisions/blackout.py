"""Times in which nothing may start: weekly hours or dates, UTC by the wall clock. No clock here."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

from decisions.model import Fact

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_DAY = timedelta(days=1)
#: How far ahead the end of adjoining windows is looked for.
_AHEAD = timedelta(days=366)


class Weekly(Fact):
    """Hours of some weekdays. An end that is not after the start lies on the next day."""

    days: tuple[Weekday, ...] = WEEKDAYS
    start: time = time(0)
    end: time = time(0)
    reason: str = ""

    def covering(self, moment: datetime) -> Iterator[datetime]:
        """Yield the ends of its windows that a moment lies in; an end is not in its window."""
        for back in (0, 1):
            day = moment.date() - back * _DAY
            if WEEKDAYS[day.weekday()] not in self.days:
                continue
            begins = datetime.combine(day, self.start)
            ends = datetime.combine(day if self.end > self.start else day + _DAY, self.end)
            if begins <= moment < ends:
                yield ends


class Dates(Fact):
    """Whole days, the first and the last one included."""

    first: date
    last: date
    reason: str = ""

    def covering(self, moment: datetime) -> Iterator[datetime]:
        """Yield the end of the window if a moment lies in it."""
        if self.first <= moment.date() <= self.last:
            yield datetime.combine(self.last + _DAY, time(0))


Blackout = Weekly | Dates


def end_of(windows: Sequence[Blackout], now: datetime) -> tuple[datetime, str] | None:
    """Give when the blackout ends that a moment lies in, and why it is; None outside of all.

    Windows that overlap or adjoin are one blackout.
    """
    end, reasons = now, []
    while end - now <= _AHEAD:
        found = [(ends, window) for window in windows for ends in window.covering(end)]
        if not found:
            break
        end = max(ends for ends, _ in found)
        reasons += [each.reason for _, each in found if each.reason and each.reason not in reasons]
    return None if end == now else (end, ", ".join(reasons))


def always(windows: Sequence[Blackout]) -> bool:
    """Say whether the weekly windows leave no minute of the week free."""
    weekly = [each for each in windows if isinstance(each, Weekly)]
    monday = datetime(2024, 1, 1)  # noqa: DTZ001 - any week will do
    minutes = (monday + timedelta(minutes=each) for each in range(7 * 24 * 60))
    return all(any(list(window.covering(each)) for window in weekly) for each in minutes)
