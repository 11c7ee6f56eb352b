"""What has landed, what is late, what changed its columns: from the catalogue alone, no scan.

One tick looks at the tables of all use cases: a call per page of each database, and one per page
of partitions where a table's entry changed. What Dagster is told of a table is assets.observing's;
when to train again is the governor's (retraining.py), which holds while a source is late.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from decisions.freshness import Fresh, Late
from decisions.model import digest_of
from resources.errors import PerennialError
from resources.metrics import Measurement
from resources.names import FRESHNESS_NAMESPACE
from resources.platform import Platform
from resources.sightings import Name, Sighting, look
from sensors.memory import Memory
from sensors.refreshing import refresh_due
from usecases.raw_tables import Outlook, RawTable, outlook, raw_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from decisions.freshness import SourceFreshness
    from sensors.governing import Job
    from usecases.declaration import UseCase

    Event = dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation

#: Tables whose partitions one tick reads, and events it makes, about: a tick has to end within a
#: minute, and recording an event takes the daemon some milliseconds. The next tick goes on.
READS_A_TICK = 250
EVENTS_A_TICK = 1000


class Tell(Protocol):
    """Says what Dagster does not know yet of a table."""

    def __call__(
        self,
        instance: dg.DagsterInstance,
        raw: RawTable,
        sighting: Sighting,
        outlooks: Mapping[str, Outlook],
        *,
        most: int,
    ) -> tuple[list[Event], list[Event], int]:
        """Return events of at most so many partitions, of the table, and how many were left out."""
        ...


def freshness_sensor(
    use_cases: Sequence[UseCase], refresh: Sequence[Job], tell: Tell, *, interval: int
) -> dg.SensorDefinition:
    """Return the one sensor that watches every source.

    Args:
        use_cases: Whose sources.
        refresh: The job that brings features up to date.
        tell: What Dagster is told of a table.
        interval: Seconds between ticks, at least.
    """
    raws = raw_tables(use_cases)

    @dg.sensor(
        name="freshness_sensor",
        jobs=refresh,
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records what lands on the source tables, what is late, whose columns moved.",
    )
    def watch(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        memory = Memory.read(context.cursor)
        wanted = {name: raw.partition_key for name, raw in raws.items()}
        sightings = look(
            platform.catalogue, wanted, memory.seen, clock=time.time(), reads=READS_A_TICK
        )
        now = platform.clock() if platform.clock else None
        outlooks = {each.name: outlook(each, sightings, now) for each in use_cases}
        events = _news(context.instance, raws, sightings, outlooks, memory, tell)
        reasons = [f"{n[0]}.{n[1]}: {s.problem}" for n, s in sightings.items() if s.problem]
        reasons += _measure(platform, raws, outlooks, memory)
        requests = []
        for use_case in use_cases:
            due = refresh_due(context.instance, use_case, sightings, outlooks[use_case.name])
            if isinstance(due, dg.RunRequest):
                requests.append(due)
            elif due:
                reasons.append(f"{use_case.name}: {due}")
        for reason in reasons if events or requests else ():
            context.log.warning(reason)
        return dg.SensorResult(
            run_requests=requests,
            asset_events=events,
            cursor=memory.write(),
            skip_reason=None if events or requests else _why_nothing(reasons),
        )

    return watch


def _news(
    instance: dg.DagsterInstance,
    raws: Mapping[Name, RawTable],
    sightings: Mapping[Name, Sighting],
    outlooks: Mapping[str, Outlook],
    memory: Memory,
    tell: Tell,
) -> list[Event]:
    """Return what Dagster is told of this tick, and remember it."""
    events: list[Event] = []
    for name, raw in raws.items():
        sighting = sightings[name]
        most = (EVENTS_A_TICK - len(events)) // 2  # of a partition there are two
        if most <= 0 or (sighting.seen is None and not sighting.gone):
            continue  # out of reach, or not its turn: what was known stays
        mine = {user.name: outlooks[user.name] for user in raw.users}
        state = _state(sighting, raw, mine)
        same = memory.said.get(name) == state or _unclear(sighting, raw, mine)
        if same and sighting.partitions is None:
            continue
        partitions, table, left = tell(instance, raw, sighting, mine, most=most)
        if partitions or memory.said.get(name) != state:
            events += [*partitions, *table]
        memory.said[name] = state
        _remember(memory, name, sighting, left)
    return events


def _unclear(sighting: Sighting, raw: RawTable, outlooks: Mapping[str, Outlook]) -> bool:
    """Say whether the table's age could not be judged: that is no news of this table."""
    return not sighting.gone and any(raw.name not in each.freshness for each in outlooks.values())


def _remember(memory: Memory, name: Name, sighting: Sighting, left: int) -> None:
    """Keep what was seen; not of a table that is gone, or has partitions left to tell of."""
    if sighting.seen is None or left:
        memory.seen.pop(name, None)
    else:
        memory.seen[name] = sighting.seen


def _state(sighting: Sighting, raw: RawTable, outlooks: Mapping[str, Outlook]) -> str:
    """Return a digest of what is to be said of a table."""
    said = []
    for use_case, each in outlooks.items():
        drift = each.drift.get(raw.name)
        said.append([use_case, _news_of(each.freshness.get(raw.name)), drift and drift.why])
    version = sighting.seen.version if sighting.seen else ""
    return digest_of([version, sighting.problem, said])[:16]


def _news_of(verdict: SourceFreshness | None) -> str:
    """Return what of a verdict is news: not a wait that grows, nor an age that is allowed."""
    if verdict is None or isinstance(verdict, Fresh):
        return "" if verdict is None else verdict.verdict
    if isinstance(verdict, Late) and verdict.clock == "wall":
        return str(verdict.since)
    return verdict.why


def _measure(
    platform: Platform,
    raws: Mapping[Name, RawTable],
    outlooks: Mapping[str, Outlook],
    memory: Memory,
) -> list[str]:
    """Tell CloudWatch once a minute how late tables are; say what kept it from being told."""
    known = {n: worst for n in raws if (worst := _worst(raws[n], outlooks)) is not None}
    unknown = [name for name in memory.late if name in raws and name not in known]
    late = sorted([*(name for name, worst in known.items() if worst > 0), *unknown])
    now = datetime.now(UTC)
    minute = int(now.timestamp() // 60)
    if late == sorted(memory.late) and (not late or minute == memory.measured):
        return []
    # A table that recovered gets its zero; one that was never late costs nothing.
    values = {name: worst for name, worst in known.items() if worst > 0 or name in memory.late}
    try:
        platform.metrics.put(FRESHNESS_NAMESPACE, list(_measurements(values, now)))
    except PerennialError as error:
        return [f"lateness could not be measured: {error}"]
    memory.late, memory.measured = late, minute
    return []


def _measurements(values: Mapping[Name, float], now: datetime) -> Iterator[Measurement]:
    for (database, table), seconds in values.items():
        where = {"Database": database, "Table": table}
        yield Measurement("LatenessSeconds", seconds, "Seconds", now, where)


def _worst(raw: RawTable, outlooks: Mapping[str, Outlook]) -> float | None:
    """Return how late a table is, in seconds; None where it could not be judged."""
    verdicts = [outlooks[user.name].freshness.get(raw.name) for user in raw.users]
    if None in verdicts:
        return None
    return max((v.by.total_seconds() for v in verdicts if isinstance(v, Late)), default=0.0)


def _why_nothing(reasons: Sequence[str]) -> str:
    return "; ".join(reasons) or "nothing new has landed"
