"""Has the data moved? One sensor asks for every model in turn, and tells what is new.

A tick has some seconds. It looks at the tables of all use cases at once and then judges them one by
one, beginning where the last tick stopped, so that a slow count starves nobody. How a report is
found or made is drift_reports.py's; when to train is the governor's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dagster as dg

from decisions import drift
from decisions.model import digest_of
from resources.errors import PerennialError, Transient
from resources.serving import champion_of, newest_packages
from sensors.drift_reports import Report, landed_through, report_for, sources_of
from sensors.governing import Situation
from sensors.turns import Turns
from usecases import asset_keys
from usecases.raw_tables import raw_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from decisions.reports import DriftReport
    from resources.platform import Platform
    from sensors.drift_reports import Looked
    from usecases.declaration import UseCase

    Draw = Callable[[DriftReport, float], dg.MetadataValue[Any]]
    Clock = Callable[[], float]

__all__ = ["Report", "drift_sensor", "report_for"]

#: Seconds that a tick spends on judging; with one query's patience it stays within a minute.
BUDGET = 25.0
#: Tables whose partitions one tick reads; the next tick goes on.
READS_A_TICK = 250


def drift_sensor(
    use_cases: Sequence[UseCase],
    draw: Draw,
    platform: Platform,
    *,
    interval: int,
    budget: float = BUDGET,
    clock: Clock = time.monotonic,
) -> dg.SensorDefinition:
    """Return the one sensor that compares every use case's new data with its baseline.

    Args:
        use_cases: What to watch.
        draw: Makes the picture of a report.
        platform: The doors. Handed over and no Dagster resource: for one of those Dagster opens its
            instance anew at each tick, which took twice what the tick itself takes.
        interval: Seconds between ticks, at least.
        budget: Seconds after which a tick judges no further use case.
        clock: Monotonic seconds.
    """
    wanted = {name: raw.partition_key for name, raw in raw_tables(use_cases).items()}

    @dg.sensor(
        name="drift_sensor",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports how far new data lies from what each champion learnt.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor, began = Turns.read(context.cursor), clock()
        looked = sources_of(platform, wanted, reads=READS_A_TICK)
        events, reasons = [], []
        for place, use_case in enumerate(cursor.order(use_cases)):
            if place and clock() - began > budget:  # one at least, however long the look took
                cursor.following = use_case.name
                break
            cursor.following = ""
            found = _judged(context, platform, use_case, looked)
            if isinstance(found, str):
                reasons.append(f"{use_case.name}: {found}")
                continue
            situation, report = found
            if cursor.told.get(use_case.name) != report[0]:
                events.append(_event(use_case, situation, report, draw))
                cursor.told[use_case.name] = report[0]
        return dg.SensorResult(
            asset_events=events,
            cursor=cursor.write(),
            skip_reason=None if events else "; ".join(reasons) or "nothing new has landed",
        )

    return watch


def _judged(
    context: dg.SensorEvaluationContext,
    platform: Platform,
    use_case: UseCase,
    looked: Looked,
) -> tuple[Situation, Report] | str:
    """Return a use case's report; or why there is nothing to tell now."""
    nobody = Situation({}, None, None)
    try:
        found = _asked(platform, use_case, looked)
    except Transient as error:
        return f"cannot tell yet: {error}"
    except PerennialError as error:
        return nobody, _untold(str(error))
    except Exception as error:  # one model's trouble must not keep the others from being judged
        context.log.exception("%s: its drift could not be judged", use_case.name)
        return nobody, _untold(f"{type(error).__name__}: {error}")
    return "no champion to compare with" if found is None else found


def _asked(
    platform: Platform,
    use_case: UseCase,
    looked: Looked,
) -> tuple[Situation, Report] | None:
    packages = newest_packages(platform, use_case.name)
    champion = champion_of(packages)
    if champion is None:
        return None
    situation = Situation(landed_through(use_case, looked[0]), champion, None, packages)
    report = report_for(platform, use_case, situation, looked)
    return None if report is None else (situation, report)


def _untold(why: str) -> Report:
    return digest_of({"cannot tell": why}), drift.cannot_tell(why)


def _event(
    use_case: UseCase, situation: Situation, found: Report, draw: Draw
) -> dg.AssetMaterialization:
    name, report = found
    return dg.AssetMaterialization(
        dg.AssetKey(asset_keys.drift(use_case.name)),
        metadata={
            "verdict": report.verdict,
            "why": report.why,
            "landed_through": str(situation.landed_through),
            "champion_version": situation.champion.version if situation.champion else 0,
            "report": name,
            "psi": draw(report, use_case.monitors.drift.psi_threshold),
        },
    )
