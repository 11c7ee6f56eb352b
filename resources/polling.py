"""Waiting for AWS: short first steps, growing politely, never past a deadline.

The same code must be quick against a laptop and gentle with AWS's rate limits. What is waited for
does not belong here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from resources.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    Sleep = Callable[[float], None]
    Clock = Callable[[], float]

T = TypeVar("T")

GROWTH = 1.5


def intervals(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Yield seconds to wait before each next look: ``first``, growing by half, up to ``most``."""
    pause = first
    while True:
        yield pause
        pause = min(pause * GROWTH, most)


def wait_for(
    probe: Callable[[], T | None],
    what: str,
    *,
    deadline: timedelta,
    first: float = 0.1,
    sleep: Sleep = time.sleep,
    clock: Clock = time.monotonic,
) -> T:
    """Call ``probe`` until it returns something other than None, and return that.

    Raises:
        Transient: The deadline passed first; ``what`` names what was waited for.
    """
    end = clock() + deadline.total_seconds()
    for pause in intervals(first):
        found = probe()
        if found is not None:
            return found
        if clock() >= end:
            raise Transient(f"Gave up on {what} after {deadline}; it may still finish by itself.")
        sleep(min(pause, max(0.0, end - clock())))
    raise AssertionError("unreachable: intervals() never ends")
