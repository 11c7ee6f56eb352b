"""Does the online store serve what the offline store would teach? A sample of both, compared.

Training reads the offline store and serving the online one, so a difference is a model that meets
other values than it learnt from. Which records are compared does not belong here.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from decisions.model import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value = str | int | float | None
Kind = Literal["in step", "missing", "stale", "different", "extra", "ahead"]
#: A number that went through text and back may differ in its last digits.
TOLERANCE = 1e-9
_EXAMPLES = 5
_HARMLESS = ("in step", "ahead")


class Pair(Fact):
    """One record id: the newest record each store holds, None where it holds none.

    Attributes:
        offline: Column to value as Athena types it; the event time as ISO 8601 text.
        online: Feature to text, as the runtime API answers; absent where there is no value.
    """

    record_id: str
    offline: dict[str, Value] | None
    online: dict[str, str] | None


class Skew(Fact):
    """What a sample shows.

    Attributes:
        counts: How many record ids of each kind. missing: offline only. stale: online of an
            earlier event time. different: of the same event time, another value. extra: online
            only. ahead: online of a later event time, which the offline store shows within 15
            minutes, so it is told but not held against the stores.
        examples: Some record ids of each harmful kind, with what differs.
    """

    verdict: Literal["in step", "skewed", "cannot tell"]
    compared: int = Field(ge=0)
    counts: dict[Kind, int]
    examples: dict[Kind, tuple[str, ...]]
    why: str


def judge(pairs: Iterable[Pair], *, event_time: str) -> Skew:
    """Compare the stores record by record.

    Args:
        pairs: The sample.
        event_time: The feature that says which record is newer.
    """
    counts: Counter[Kind] = Counter()
    examples: dict[Kind, list[str]] = {}
    for pair in pairs:
        kind, what = _compare(pair, event_time)
        counts[kind] += 1
        if kind not in _HARMLESS and len(examples.setdefault(kind, [])) < _EXAMPLES:
            examples[kind].append(f"{pair.record_id}: {what}")
    compared = counts.total()
    harmful = {kind: count for kind, count in counts.items() if kind not in _HARMLESS}
    verdict: Literal["in step", "skewed", "cannot tell"] = (
        "skewed" if harmful else "in step" if compared else "cannot tell"
    )
    return Skew(
        verdict=verdict,
        compared=compared,
        counts=dict(counts),
        examples={kind: tuple(told) for kind, told in examples.items()},
        why=_why(compared, harmful, examples),
    )


def _compare(pair: Pair, event_time: str) -> tuple[Kind, str]:
    if pair.offline is None:
        return ("in step", "") if pair.online is None else ("extra", "the offline store has none")
    if pair.online is None:
        return "missing", f"offline of {pair.offline[event_time]}, online none"
    offline_at = datetime.fromisoformat(str(pair.offline[event_time]))
    online_at = datetime.fromisoformat(pair.online[event_time])
    if online_at != offline_at:
        told = f"online of {pair.online[event_time]}, offline of {pair.offline[event_time]}"
        return ("stale" if online_at < offline_at else "ahead"), told
    different = _different(pair.offline, pair.online, event_time)
    return ("different", different) if different else ("in step", "")


def _different(offline: Mapping[str, Value], online: Mapping[str, str], event_time: str) -> str:
    names = (name for name in sorted({*offline, *online}) if name != event_time)
    told = [
        f"{name} is {online.get(name)!r} online, {offline.get(name)!r} offline"
        for name in names
        if not _equal(offline.get(name), online.get(name))
    ]
    return ", ".join(told)


def _equal(offline: Value, online: str | None) -> bool:
    if offline is None or online is None:
        return offline is None and online is None
    if isinstance(offline, str):
        return offline == online
    try:
        if isinstance(offline, int):
            return offline == int(online)
        return math.isclose(offline, float(online), rel_tol=TOLERANCE)
    except ValueError:
        return False


def _why(compared: int, harmful: Mapping[Kind, int], examples: Mapping[Kind, list[str]]) -> str:
    if not compared:
        return "Neither store holds a record yet."
    if not harmful:
        return f"The newest record of {compared} ids is the same online and offline."
    told = "; ".join(
        f"{count} {kind} (for example {examples[kind][0]})" for kind, count in harmful.items()
    )
    return f"Of {compared} record ids, {told}."
