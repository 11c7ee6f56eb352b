"""Many models, one account: which of those that are due start now, and in which order the rest.

Every waiting model has a virtual start: since when it has had a reason, plus an hour for each class
its strongest reason stands below a person's wish. The earliest goes first (earliest deadline first,
C. L. Liu and J. W. Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time
Environment", JACM 20(1), 1973; the classes are an ageing priority). Nobody starves: what comes more
than three hours later is behind, whatever its class.

A model that does not fit yet keeps what it needs from those behind it; they may only use what it
does not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import Field

from decisions.model import Fact
from decisions.retrain_facts import TriggerKind

AGEING = timedelta(hours=1)
_CLASSES: tuple[tuple[str, frozenset[TriggerKind]], ...] = (
    ("a person asked", frozenset({"request"})),
    (
        "no model or a model that fails",
        frozenset({"first", "model_quality", "performance_estimate", "data_quality", "bias_drift"}),
    ),
    ("schedule or age", frozenset({"schedule", "staleness"})),
)
_OTHERWISE = ("drift or change", 2)


class Quota(Fact):
    """What trainings may use at one time, all models together.

    Attributes:
        runs: Trainings.
        instances: Instances by type, where the account's quota is small; others have no limit.
    """

    runs: int = Field(default=4, ge=1, le=1000)
    instances: dict[str, int] = Field(default_factory=dict)


class Waiting(Fact):
    """A model that is due.

    Attributes:
        kinds: Its reasons.
        since: Since when it has had one (wall clock).
        needs: Instances it uses at one time, by type.
    """

    use_case: str
    kinds: tuple[TriggerKind, ...]
    since: datetime
    needs: dict[str, int] = Field(default_factory=dict)


class Place(Fact):
    """Where a model stands. Position 0 starts now; the others wait behind those before them."""

    use_case: str
    position: int
    why: str

    @property
    def starts(self) -> bool:
        """Whether it starts now."""
        return self.position == 0


def virtual_start(waiting: Waiting) -> datetime:
    """Give the moment by which waiting models are ordered."""
    return waiting.since + _rank(waiting.kinds)[1] * AGEING


def place(
    waiting: Iterable[Waiting], running: Sequence[Mapping[str, int]], quota: Quota
) -> tuple[Place, ...]:
    """Say which models start now, and the place of the others.

    Args:
        waiting: The models that are due, in any order.
        running: What each training in flight uses, by instance type.
        quota: What all may use together.
    """
    free = Counter(quota.instances)
    for used in running:
        free.subtract({kind: n for kind, n in used.items() if kind in quota.instances})
    slots, position = quota.runs - len(running), 0
    places = []
    for each in sorted(waiting, key=lambda one: (virtual_start(one), one.use_case)):
        never = _never(each, quota)
        lacking = never or _lacking(each, slots, free, quota)
        if lacking:
            position += 1
        places.append(
            Place(
                use_case=each.use_case,
                position=position if lacking else 0,
                why=f"{lacking or 'Starts now'}; {_order(each)}.",
            )
        )
        if not never:
            # Whoever waits keeps its place free, too: none behind it takes what it needs.
            slots -= 1
            free.subtract({kind: n for kind, n in each.needs.items() if kind in quota.instances})
    return tuple(places)


def _rank(kinds: tuple[TriggerKind, ...]) -> tuple[str, int]:
    for rank, (name, members) in zip((0, 1), _CLASSES[:2], strict=True):
        if members & set(kinds):
            return name, rank
    name, members = _CLASSES[2]
    return (name, 3) if set(kinds) <= members else _OTHERWISE


def _never(waiting: Waiting, quota: Quota) -> str:
    for kind, number in waiting.needs.items():
        most = quota.instances.get(kind)
        if most is not None and number > most:
            return f"Needs {number} {kind}, and the quota is {most}: raise it or it never starts"
    return ""


def _lacking(waiting: Waiting, slots: int, free: Mapping[str, int], quota: Quota) -> str:
    if slots <= 0:
        return f"All {quota.runs} trainings that may run at one time are taken"
    for kind, number in waiting.needs.items():
        if kind in quota.instances and free[kind] < number:
            left = max(free[kind], 0)
            return f"Needs {number} {kind}; {left} of {quota.instances[kind]} are free"
    return ""


def _order(waiting: Waiting) -> str:
    name, rank = _rank(waiting.kinds)
    return f"due since {waiting.since:%Y-%m-%d %H:%M} UTC, class {rank} ({name})"
