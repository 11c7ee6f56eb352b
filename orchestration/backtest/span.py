"""Which part of history is replayed: its ticks, its weeks, and how much must have landed for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from resources.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from usecases.declaration import UseCase

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Span:
    """Data time that is replayed, naive UTC.

    Attributes:
        start: The first model is trained on what was known here, and serves from here on.
        end: No event from here on is scored.
    """

    start: datetime
    end: datetime

    @classmethod
    def of(cls, first: date, last: date) -> Span:
        """Make the span of the days from first through last, both included.

        Raises:
            Terminal: It is shorter than a week.
        """
        start, end = datetime.combine(first, time()), datetime.combine(last, time()) + DAY
        if end - start < WEEK:
            raise Terminal(
                f"--from {first} --through {last}: a backtest needs at least one whole week; "
                "choose a later --through."
            )
        return cls(start, end)

    def ticks(self) -> Iterator[datetime]:
        """Yield the moments at which a day has landed and a policy is asked."""
        at = self.start + DAY
        while at < self.end:
            yield at
            at += DAY

    def weeks(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield the weeks from the start on, half-open; an incomplete last one is left out."""
        at = self.start
        while at + WEEK <= self.end:
            yield at, at + WEEK
            at += WEEK

    def landed_by(self, use_case: UseCase) -> datetime:
        """Give the moment through which raw data must have landed to score the last event."""
        spine = use_case.dataset(use_case.training_set.spine)
        return self.end + use_case.training_set.label.delay + spine.settles
