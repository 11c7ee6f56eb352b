"""The one sensor that starts training: it puts every use case's facts before the governor.

One sensor decides, so that Dagster's run key (use case, episode, attempt) is enough to never start
an attempt twice. A tick asks the catalogue, Dagster and S3 for all use cases at once and each
registry by itself, until its time is up; the next goes on where it ended. What of the verdicts is
told is verdicts.py's; gathering drift and freshness for show is drift.py's and freshness.py's work.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg

from decisions import prices, retraining, triggers
from decisions.queue import Place, Quota, Waiting, place, virtual_start
from decisions.retraining import Hold, Retrain
from resources import wishes
from resources.clock import utc_now
from resources.errors import PerennialError
from resources.platform import Platform
from sensors import judging
from sensors.alerting import alert
from sensors.drift_reports import sources_of, watched_tables
from sensors.governing import run_request, sight, situation_of
from sensors.governor_memory import GovernorMemory
from sensors.runs import history, training_runs
from sensors.verdicts import Judged, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from decisions.retraining import RunFact
    from resources.sightings import Name, Sighting
    from sensors.drift_reports import Looked
    from sensors.governing import Job
    from usecases.declaration import UseCase

#: Dagster gives a tick 60 s; after this no further use case is begun.
SECONDS_A_TICK = 40.0


@dataclass(frozen=True)
class Shared:
    """What is asked once for all use cases."""

    platform: Platform
    use_cases: Sequence[UseCase]
    now: datetime
    sightings: Mapping[Name, Sighting]
    runs: Mapping[str, tuple[RunFact, ...]]
    wishes: Mapping[str, tuple[str, ...]]

    @cached_property
    def looked(self) -> Looked:
        """Return the tables watched for drift; partitions are read where an entry changed."""
        wanted = watched_tables(self.use_cases)
        return sources_of(self.platform, wanted, listed=self.sightings)


@dataclass
class Tick:
    """What a tick finds."""

    judged: dict[str, Judged] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    requests: list[dg.RunRequest] = field(default_factory=list)


def retraining_sensor(
    use_cases: Sequence[UseCase],
    jobs: Sequence[Job],
    *,
    interval: int,
    quota: Quota | None = None,
    seconds: float = SECONDS_A_TICK,
) -> dg.SensorDefinition:
    """Return the one sensor that renews every use case's model.

    Args:
        use_cases: What to watch.
        jobs: Their training jobs.
        interval: Seconds between ticks, at least.
        quota: What trainings may use at one time, all together.
        seconds: After which a tick begins no further use case.
    """
    limits, names = quota or Quota(), frozenset(each.name for each in use_cases)

    @dg.sensor(
        name="retraining_sensor",
        jobs=jobs,
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Retrains a model when its data drifted, it became too old, or it was changed.",
    )
    def watch(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        memory = GovernorMemory.read(context.cursor)
        try:
            tick = evaluate(context.instance, platform, use_cases, limits, memory, seconds)
        except PerennialError as error:
            return dg.SensorResult(skip_reason=f"cannot tell: {error}", cursor=context.cursor)
        events, alerts = told(use_cases, tick.judged, memory)
        unmeasured = alert(platform, tick.judged, memory)
        for line in [*alerts, *([unmeasured] if unmeasured else [])]:
            context.log.warning(line)
        reasons = [f"{name}: cannot tell: {why}" for name, why in tick.unknown.items()]
        reasons += [f"{name}: {each.why}" for name, each in tick.judged.items()]
        return dg.SensorResult(
            run_requests=tick.requests,
            asset_events=events,
            cursor=memory.write(names),
            skip_reason=None if tick.requests else "; ".join(reasons),
        )

    return watch


def evaluate(
    instance: dg.DagsterInstance,
    platform: Platform,
    use_cases: Sequence[UseCase],
    quota: Quota,
    memory: GovernorMemory,
    seconds: float,
) -> Tick:
    """Judge as many use cases as there is time for, and start those that may.

    Raises:
        Transient: What is asked for all use cases at once could not be had just now.
        Terminal: AWS refused it.
    """
    known, end = {each.name: each for each in use_cases}, time.monotonic() + seconds
    runs = training_runs(instance, known)
    shared = Shared(
        platform,
        use_cases,
        utc_now(),
        sight(platform, use_cases),
        runs,
        wishes.keys(platform.artifacts),
    )
    tick, order = Tick(), memory.order(list(known), quota.runs)
    memory.begin = ""
    for name in order:
        if (tick.judged or tick.unknown) and time.monotonic() >= end:
            memory.begin = name
            break
        try:
            tick.judged[name] = judge(platform, known[name], shared, memory)
        except PerennialError as error:
            tick.unknown[name] = str(error)
    _start(instance, known, tick, shared, quota, memory)
    return tick


def judge(platform: Platform, use_case: UseCase, shared: Shared, memory: GovernorMemory) -> Judged:
    """Put one use case before the governor, and forget wishes that were answered.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: A source table or the registry is not as it should be, or AWS refused.
    """
    name = use_case.name
    situation = situation_of(platform, use_case, shared.sightings)
    judged, asked = judging.judge(
        platform,
        use_case,
        situation,
        shared.runs[name],
        wishes=shared.wishes.get(name, ()),
        now=shared.now,
        since=memory.since.get(name),
        looked=shared.looked if situation.champion else None,
    )
    for wish in asked:
        if triggers.served(judged.facts, wish.at):
            wishes.forget(platform.artifacts, wish)
    if judged.verdict.kinds:
        memory.since.setdefault(name, shared.now)
    else:
        memory.since.pop(name, None)
    return replace(judged, since=memory.since.get(name))


def _start(
    instance: dg.DagsterInstance,
    use_cases: Mapping[str, UseCase],
    tick: Tick,
    shared: Shared,
    quota: Quota,
    memory: GovernorMemory,
) -> None:
    """Request the runs whose turn it is; the others keep their place in the queue."""
    waiting = [_waiting(use_cases[n], each) for n, each in tick.judged.items() if each.due]
    busy = [n for n, runs in shared.runs.items() if any(run.status == "running" for run in runs)]
    for name in tick.judged:
        memory.waiting.pop(name, None)
    order = {each.use_case: each for each in waiting}
    for found in place(waiting, [_needs(use_cases[name]) for name in busy], quota):
        name = found.use_case
        if not found.starts:
            memory.waiting[name] = virtual_start(order[name])
            tick.judged[name] = replace(tick.judged[name], place=found)
            continue
        judged = _confirmed(instance, use_cases[name], tick.judged[name], found)
        tick.judged[name] = judged
        if isinstance(judged.verdict, Retrain):
            tick.requests.append(run_request(use_cases[name], judged.verdict))
            memory.since[name] = shared.now


def _confirmed(
    instance: dg.DagsterInstance, use_case: UseCase, judged: Judged, found: Place
) -> Judged:
    """Ask again with all runs of this use case: of many, a tick reads only the newest."""
    runs = history(instance, use_case.name, episode=judged.facts.episode, now=judged.now)
    facts = judged.facts.model_copy(update={"runs": runs})
    verdict = retraining.decide(facts, use_case.retraining.policy, judged.now)
    return replace(
        judged, facts=facts, verdict=verdict, place=None if isinstance(verdict, Hold) else found
    )


def _waiting(use_case: UseCase, judged: Judged) -> Waiting:
    return Waiting(
        use_case=use_case.name,
        kinds=judged.verdict.kinds,
        since=judged.since or judged.now,
        needs=_needs(use_case),
    )


def _needs(use_case: UseCase) -> dict[str, int]:
    compute = use_case.compute
    return prices.needs(compute.processing_instance, compute.training_instance)
