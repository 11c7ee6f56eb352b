"""Is the champion too old for the data that has landed? Data time only, never the wall clock."""

from datetime import datetime, timedelta
from typing import Literal

from decisions.model import Fact


class Fresh(Fact):
    """The champion has seen recent enough data."""

    verdict: Literal["fresh"] = "fresh"
    age: timedelta
    why: str


class Stale(Fact):
    """Data has landed so far beyond the champion's that it should be trained again."""

    verdict: Literal["stale"] = "stale"
    by: timedelta
    why: str


Freshness = Fresh | Stale


def judge(landed_through: datetime, trained_through: datetime, max_age: timedelta) -> Freshness:
    """Compare what has landed with what the champion has seen.

    Args:
        landed_through: Data time up to which every fact has landed.
        trained_through: Data time up to which the champion's training set goes.
        max_age: Largest distance between the two that is still fresh.
    """
    # A table landed again, shorter, would give a negative age: no younger than new.
    age = max(landed_through - trained_through, timedelta(0))
    seen = (
        f"Data has landed through {landed_through:%Y-%m-%d %H:%M} and the champion has seen "
        f"it through {trained_through:%Y-%m-%d %H:%M}: {_days(age)} days"
    )
    if age > max_age:
        return Stale(by=age - max_age, why=f"{seen}, more than the {_days(max_age)} allowed.")
    return Fresh(age=age, why=f"{seen}, within the {_days(max_age)} allowed.")


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):.1f}"
