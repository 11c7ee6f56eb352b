"""Once is no trend: when readings of one measure, window after window, fire and when they clear.

A pure fold over the windows, oldest first. Nothing is remembered between ticks: whoever asks again
hands over the windows again, so a lost tick loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decisions.drift_policy import Persistence


class Reading(NamedTuple):
    """What one window showed: its measure, None where it cannot be told, and if it is no chance."""

    value: float | None
    significant: bool = True


class Step(NamedTuple):
    """Where the fold stands after a window.

    Attributes:
        reached: Whether this window reached the threshold, significantly.
        recent: How many of the last told windows did, this one included.
        firing: Whether it fires.
    """

    reached: bool
    recent: int
    firing: bool


def fold(
    readings: Sequence[Reading], persistence: Persistence, *, threshold: float, release: float
) -> list[Step]:
    """Follow the readings, oldest first.

    It fires once ``persistence.windows`` of the last ``persistence.of`` told windows reached the
    threshold, the newest of them among those, and clears only below the release. A window that
    cannot be told changes nothing. Where fewer windows are handed over than must reach it, all of
    them must.

    Args:
        readings: One per window.
        persistence: k of n.
        threshold: The measure fires from here.
        release: The measure clears below; at most the threshold.
    """
    needed = min(persistence.windows, len(readings))
    steps: list[Step] = []
    told: list[bool] = []
    firing = False
    for reading in readings:
        reached = _reached(reading, threshold)
        if reading.value is not None:
            told.append(reached)
            recent = sum(told[-persistence.of :])
            firing = reading.value >= release if firing else reached and recent >= needed
        steps.append(Step(reached, sum(told[-persistence.of :]), firing))
    return steps


def _reached(reading: Reading, threshold: float) -> bool:
    return reading.value is not None and reading.value >= threshold and reading.significant
