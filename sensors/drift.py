"""Has the data moved? Counts what is new against the champion's frozen baseline, asks, reports.

A report is stored under the name of what was compared, so a tick over unchanged data reads it back
instead of counting again. The statistics are decisions.drift's; when to train is the governor's.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from decisions import drift
from decisions.baseline import Baseline
from decisions.model import digest_of
from decisions.reports import DriftReport
from resources.baseline_overrides import baseline_uri
from resources.errors import PerennialError
from resources.platform import Platform
from sensors.governing import Situation, situation_of
from usecases import asset_keys
from usecases.profiling import measure_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from usecases.declaration import UseCase

    Draw = Callable[[DriftReport, float], dg.MetadataValue[Any]]

Report = tuple[str, DriftReport]
"""A report and the name of what it compared."""


def drift_sensor(use_cases: Sequence[UseCase], draw: Draw, *, interval: int) -> dg.SensorDefinition:
    """Return the one sensor that compares every use case's new data with its baseline.

    Args:
        use_cases: What to watch.
        draw: Makes the picture of a report.
        interval: Seconds between ticks, at least.
    """

    @dg.sensor(
        name="drift_sensor",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports how far new data lies from what each champion learnt.",
    )
    def watch(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        cursor: dict[str, str] = json.loads(context.cursor or "{}")
        events, reasons = [], []
        for use_case in use_cases:
            try:
                situation = situation_of(platform, use_case)
                found = report_for(platform, use_case, situation)
            except PerennialError as error:
                reasons.append(f"{use_case.name}: cannot tell: {error}")
                continue
            if found is not None and cursor.get(use_case.name) != found[0]:
                events.append(_event(use_case, situation, found, draw))
                cursor[use_case.name] = found[0]
        return dg.SensorResult(
            asset_events=events,
            cursor=json.dumps(cursor),
            skip_reason=None if events else "; ".join(reasons) or "nothing new has landed",
        )

    return watch


def report_for(platform: Platform, use_case: UseCase, situation: Situation) -> Report | None:
    """Return the report on what has landed; None where there is no champion to compare with.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: The baseline or a table is gone, or a query was refused.
    """
    champion, landed = situation.champion, situation.landed_through
    if champion is None or landed is None:
        return None
    own = champion.metadata.get("drift_baseline_uri")
    uri = baseline_uri(platform.artifacts, use_case.name, champion.version, own)
    if uri is None:
        return None
    name = digest_of({"baseline": uri, "landed": landed.isoformat(), "policy": _policy(use_case)})
    key = f"monitoring/{use_case.name}/{name}.json"
    if platform.artifacts.exists(key):
        return name, DriftReport.model_validate_json(platform.artifacts.get(key))
    baseline = Baseline.model_validate_json(platform.artifacts.read_uri(uri))
    report = compare(platform, use_case, baseline, landed, intent=name)
    platform.artifacts.put_if_absent(key, report.model_dump_json().encode())
    return name, report


def compare(
    platform: Platform, use_case: UseCase, baseline: Baseline, landed: datetime, *, intent: str
) -> DriftReport:
    """Count the monitor's window up to ``landed`` and judge it."""
    database = use_case.sources.database
    present = {
        table: [column.name for column in platform.catalogue.table(database, table).columns]
        for table in use_case.monitors.drift.tables
    }

    def select(sql: str) -> list[dict[str, Any]]:
        return platform.athena.select(
            sql, database=database, intent=digest_of({"for": intent, "sql": sql})
        )

    last = (landed - timedelta(microseconds=1)).date()
    profile = measure_profile(use_case, baseline, last, select, present=present)
    return drift.judge(baseline, [profile], use_case.monitors.drift.policy)


def _policy(use_case: UseCase) -> Any:
    return use_case.monitors.drift.model_dump(mode="json")


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
