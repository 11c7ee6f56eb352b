"""Is the champion too old for what has landed, and is a source late? Facts in, verdicts out.

Distances are data time. Only `arrival` is the wall clock's, and only where the caller gives one: a
replay of 2013 gives none, or every table would be late by years (ADR 0015).
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from decisions.model import Fact


class Fresh(Fact):
    """The champion has seen recent enough data, or the source has it."""

    verdict: Literal["fresh"] = "fresh"
    age: timedelta
    why: str


class Stale(Fact):
    """Data has landed so far beyond the champion's that it should be trained again."""

    verdict: Literal["stale"] = "stale"
    by: timedelta
    why: str


Freshness = Fresh | Stale


class SourcePolicy(Fact):
    """How late a source may be.

    Attributes:
        event_time_lag: How far it may lag behind the newest source, in data time.
        arrival: The longest time between two landings, by the wall clock.
    """

    event_time_lag: timedelta | None = None
    arrival: timedelta | None = None


class SourceFacts(Fact):
    """What the catalogue says of a source.

    Attributes:
        landed_through: Data time up to which every fact has landed; None if it was never said.
        moved_at: Wall clock (naive UTC) at which its catalogue entry last changed.
        columns: Name to type, without partition keys.
        keys: Partition keys.
    """

    landed_through: datetime | None
    moved_at: datetime
    columns: dict[str, str] = Field(default_factory=dict)
    keys: tuple[str, ...] = ()


class Late(Fact):
    """A source has less than was promised.

    Attributes:
        by: How late, beyond what is allowed.
        since: From which moment on; data time or wall clock, as `clock` says.
    """

    verdict: Literal["late"] = "late"
    clock: Literal["data", "wall"]
    by: timedelta
    since: datetime
    why: str


class CannotTell(Fact):
    """Something is promised, and nothing says whether it is kept."""

    verdict: Literal["cannot_tell"] = "cannot_tell"
    why: str


SourceFreshness = Fresh | Late | CannotTell


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


def judge_source(
    facts: SourceFacts,
    policy: SourcePolicy,
    *,
    newest: datetime | None,
    now: datetime | None = None,
) -> SourceFreshness:
    """Say whether a source keeps what is promised of it, and by how much not.

    Args:
        facts: What the catalogue says of it.
        policy: What is promised; a promise that is not made is kept.
        newest: Data time of the source that has landed furthest, of those it is read with.
        now: The wall clock, naive UTC; None where the data's own time is all there is.
    """
    late = [each for each in (_lag(facts, policy, newest), _quiet(facts, policy, now)) if each]
    if late:
        # Of two broken promises the worse one is shown first.
        worst = max(late, key=lambda each: each.by)
        return worst.model_copy(update={"why": " ".join(each.why for each in late)})
    if facts.landed_through is None:
        if policy.event_time_lag is None:
            return Fresh(age=timedelta(0), why="No lag is promised, and none was ever said.")
        return CannotTell(why="It has never said how far it has landed.")
    age = _behind(facts.landed_through, newest)
    promised = policy.event_time_lag
    within = f"within the {write_length(promised)} allowed" if promised else "no lag is promised"
    return Fresh(age=age, why=f"{write_length(age)} behind the newest source, {within}.")


def _lag(facts: SourceFacts, policy: SourcePolicy, newest: datetime | None) -> Late | None:
    allowed, landed = policy.event_time_lag, facts.landed_through
    if allowed is None or landed is None or (age := _behind(landed, newest)) <= allowed:
        return None
    return Late(
        clock="data",
        by=age - allowed,
        since=landed + allowed,
        why=f"Landed through {landed:%Y-%m-%d %H:%M}, {write_length(age)} behind the newest "
        f"source: {write_length(age - allowed)} more than the {write_length(allowed)} allowed.",
    )


def _quiet(facts: SourceFacts, policy: SourcePolicy, now: datetime | None) -> Late | None:
    allowed = policy.arrival
    if allowed is None or now is None or now - facts.moved_at <= allowed:
        return None
    quiet = now - facts.moved_at
    return Late(
        clock="wall",
        by=quiet - allowed,
        since=facts.moved_at + allowed,
        why=f"Nothing has arrived for {write_length(quiet)}, since {facts.moved_at:%Y-%m-%d %H:%M} "
        f"by the wall clock: {write_length(quiet - allowed)} more than the "
        f"{write_length(allowed)} allowed.",
    )


def _behind(landed: datetime, newest: datetime | None) -> timedelta:
    return max((newest or landed) - landed, timedelta(0))


def write_length(length: timedelta) -> str:
    """Write a length of time as a person says it: "3 d 4 h", "25 min", "12 s"."""
    seconds = int(length.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    said = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(said) or f"{seconds} s"


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):.1f}"
