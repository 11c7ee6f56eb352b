"""The monitors beside data drift and labelled quality: one sensor measures, judges and reports.

Each tick recomputes which windows should have been measured, brings those that were not one step
on, and judges when they are. What is judged has a name; a tick that finds it told already asks AWS
for nothing more. Thresholds are decisions.monitors'; when to train is the governor's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dagster as dg

from decisions.model import digest_of
from decisions.monitors import board
from resources import monitor_reports
from resources.errors import PerennialError
from resources.platform import Platform
from sensors import monitor_quality, monitor_windows
from sensors.drift_reports import compared_with
from sensors.governing import Situation, sight, situation_of
from sensors.monitor_job import advance
from sensors.runs import training_runs
from sensors.turns import Turns
from usecases import asset_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from decisions.monitors.measured import Measurements
    from decisions.reports import MonitorReport
    from sensors.monitor_windows import Window
    from usecases.declaration import UseCase

    Draw = Callable[
        [UseCase, MonitorReport, Measurements | None, Sequence[Measurements]],
        Mapping[str, dg.MetadataValue[Any]],
    ]

BUDGET_SECONDS = 30.0
"""After so long a tick leaves the use cases that are left to the next one."""
_SHOWN = 26
"""Windows of a timeline."""


def monitor_sensor(
    use_cases: Sequence[UseCase], draw: Draw, *, interval: int
) -> dg.SensorDefinition:
    """Return the one sensor that looks after every use case's monitors.

    Args:
        use_cases: What to watch.
        draw: Makes the pictures of a report.
        interval: Seconds between ticks, at least.
    """

    @dg.sensor(
        name="monitor_sensor",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Measures new data with each champion and reports what has moved.",
    )
    def watch(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        memory, reasons = Turns.read(context.cursor), []
        events: list[dg.AssetMaterialization] = []
        end = time.monotonic() + BUDGET_SECONDS
        sightings = sight(platform, use_cases)
        runs = training_runs(context.instance, [each.name for each in use_cases])
        for use_case in memory.order(use_cases):
            if time.monotonic() >= end:
                memory.following = use_case.name
                break
            memory.following = ""
            try:
                situation = situation_of(platform, use_case, sightings)
                events += _quality(platform, use_case, situation, memory)
                if any(run.status == "running" for run in runs[use_case.name]):
                    # The champion may be replaced any moment, and windows do not run away.
                    reasons.append(f"{use_case.name}: samples wait for the training under way")
                    continue
                events += _sampled(platform, use_case, situation, memory, draw)
            except PerennialError as error:
                reasons.append(f"{use_case.name}: cannot tell: {error}")
        why = "; ".join(reasons) or "no window was measured anew"
        return dg.SensorResult(
            asset_events=events, cursor=memory.write(), skip_reason=None if events else why
        )

    return watch


def _quality(
    platform: Platform, use_case: UseCase, situation: Situation, memory: Turns
) -> list[dg.AssetMaterialization]:
    """Judge the quality of what has landed, unless it was told."""
    champion, landed = situation.champion, situation.landed_through
    uri = compared_with(platform, use_case, champion)
    if champion is None or landed is None or uri is None:
        return []
    key, name = f"{use_case.name}/data_quality", monitor_quality.name_of(use_case, landed, uri)
    if name is None or memory.told.get(key) == name:
        return []
    report = monitor_quality.judge(platform, use_case, landed, uri)
    monitor_reports.store(platform.artifacts, use_case.name, champion.version, report)
    memory.told[key] = name
    window = {"window": f"{report.window_from} to {report.window_through}", "comparison": name}
    return [_event(use_case, champion.version, report, window)]


def _sampled(
    platform: Platform, use_case: UseCase, situation: Situation, memory: Turns, draw: Draw
) -> list[dg.AssetMaterialization]:
    """Bring the measuring of one use case on; return what is to be told of it."""
    windows = monitor_windows.windows_of(use_case, situation)
    name = _name(use_case, windows)
    if not windows or memory.told.get(use_case.name) == name:
        return []
    found = {each.name: monitor_windows.read(platform, each) for each in windows}
    problems = {
        each.name: advance(platform, use_case, each) for each in windows if not found[each.name]
    }
    if any(problem is None for problem in problems.values()):
        return []  # a job is under way: a later tick finds it
    newest, policies = windows[-1], use_case.monitors.sampled
    measured = [each for window in windows if (each := found[window.name]) is not None]
    why = problems.get(newest.name)
    # What failed is told once, and looked at again: it may be mended.
    told = digest_of({"name": name, "why": why}) if why else name
    if memory.told.get(use_case.name) == told:
        return []
    reports = board.untold(policies, why) if why else board.judge_all(policies, measured)
    for report in reports:
        monitor_reports.store(platform.artifacts, use_case.name, newest.champion.version, report)
    memory.told[use_case.name] = told
    past = monitor_windows.history(platform, use_case, _SHOWN)
    facts = {"window": f"{newest.span.start} to {newest.end}", "measurements": newest.key}
    return [
        _event(
            use_case,
            newest.champion.version,
            each,
            {**facts, **draw(use_case, each, found[newest.name], past)},
        )
        for each in reports
    ]


def _name(use_case: UseCase, windows: Sequence[Window]) -> str:
    policies = use_case.monitors.sampled.items()
    return digest_of(
        {
            "windows": [each.name for each in windows],
            "policies": {name: policy.model_dump(mode="json") for name, policy in policies},
        }
    )


def _event(
    use_case: UseCase, version: int, report: MonitorReport, more: Mapping[str, Any]
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        dg.AssetKey(asset_keys.monitor(use_case.name, report.monitor)),
        metadata={
            "verdict": report.verdict,
            "why": report.why,
            **({} if report.observed is None else {"observed": report.observed}),
            **({} if report.threshold is None else {"threshold": report.threshold}),
            "rows": report.rows,
            "retrains": report.retrains,
            "champion_version": version,
            **more,
        },
    )
