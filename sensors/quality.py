"""Are predictions still right? Takes captures in, joins what labels there are, asks, reports.

One sensor for all models, bounded in time: the cursor says where the next tick goes on. A report is
stored under the name of what was compared, so a tick over nothing new reads it back. The judgement
is decisions.quality's; when to train is the governor's.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from decisions import quality
from decisions.model import digest_of
from decisions.quality import QualityReport
from decisions.reports import EvaluationReport, Metrics
from resources import monitor_reports
from resources.errors import PerennialError
from resources.glue import TableMissing
from resources.predictions import TABLE, read_intake, take_in
from resources.sightings import versions
from sensors.governing import Situation, sight, situation_of
from sensors.turns import Turns
from usecases import asset_keys, sql
from usecases.quality_sql import Windows, scores_from, scores_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resources.aws import AccountName
    from resources.captures import Account
    from resources.platform import Platform
    from resources.sightings import Name, Sighting
    from usecases.declaration import UseCase

    Draw = Callable[[QualityReport], dg.MetadataValue[Any]]

#: Seconds a tick begins further models for; Dagster ends a tick after a minute.
TICK_SECONDS = 30.0
_INTAKE_SECONDS = 10.0
#: How long a query is awaited, or a throttled Athena; the next tick finds it further on.
_PATIENCE = timedelta(seconds=20)

Report = tuple[str, QualityReport]
"""A report and the name of what it compared."""


def quality_sensor(
    use_cases: Sequence[UseCase], draw: Draw, platform: Platform, *, interval: int
) -> dg.SensorDefinition:
    """Return the one sensor that compares every model's predictions with what came true.

    Args:
        use_cases: What to watch.
        draw: Makes the picture of a report.
        platform: The doors. Handed over and no Dagster resource: for one of those Dagster opens its
            instance anew at each tick, which took twice what the tick itself takes.
        interval: Seconds between ticks, at least.
    """

    @dg.sensor(
        name="quality_sensor",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports how good each model's predictions were, once their labels are in.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        memory = Turns.read(context.cursor)
        deadline = time.monotonic() + TICK_SECONDS
        events: list[dg.AssetMaterialization] = []
        reasons: list[str] = []
        waiting, sightings = memory.order(use_cases), sight(platform, use_cases)
        while waiting and time.monotonic() < deadline:
            use_case = waiting.pop(0)
            try:
                found, alert = _look(platform, use_case, sightings, memory.told, draw)
                events += found
                if alert:
                    context.log.warning("%s: %s", use_case.name, alert)
            except PerennialError as error:
                reasons.append(f"{use_case.name}: cannot tell: {error}")
        memory.following = waiting[0].name if waiting else ""
        return dg.SensorResult(
            asset_events=events,
            cursor=memory.write(),
            skip_reason=None if events else "; ".join(reasons) or "nothing new was predicted",
        )

    return watch


def report_for(platform: Platform, use_case: UseCase, situation: Situation) -> Report | None:
    """Return the report on what is known now; None where there is no champion.

    It is made anew when predictions, labels, champion or policy changed, and read back otherwise.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: A table is gone, or a query was refused.
    """
    champion, landed = situation.champion, _truth_landed(use_case, situation)
    if champion is None or landed is None:
        return None
    monitor = use_case.monitors.quality
    end = landed - use_case.training_set.label.delay
    windows = Windows.before(end, monitor.window, monitor.windows)
    captured = use_case.release.capture.percent > 0
    name = digest_of(
        {
            "captured": captured,
            "champion": champion.arn,
            "policy": monitor.model_dump(mode="json"),
            "predictions": read_intake(platform, use_case.name).batch,
            "truth": _truth(platform, use_case),
            "windows": [windows.start.isoformat(), windows.end.isoformat(), landed.isoformat()],
        }
    )
    key = f"monitoring/{use_case.name}/quality/{name}.json"
    if platform.artifacts.exists(key):
        return name, QualityReport.model_validate_json(platform.artifacts.get(key))
    query = scores_sql(use_case, windows, as_of=landed, version=champion.version)
    rows = _rows(platform, use_case, query, name)
    tested = _tested(platform, champion.metadata.get("run_uri"))
    scores = scores_from(rows, windows)
    report = quality.judge(
        tested, scores, monitor.policy, model_version=champion.version, captured=captured
    )
    platform.artifacts.put_if_absent(key, report.model_dump_json().encode())
    return name, report


def _rows(platform: Platform, use_case: UseCase, query: str, name: str) -> list[dict[str, Any]]:
    database = platform.names.curated_database(use_case.name)
    try:
        platform.catalogue.table(database, TABLE)
    except TableMissing:
        return []  # nothing was ever captured
    return platform.athena.select(
        query, database=database, intent=f"quality {name}", deadline=_PATIENCE, stop=False
    )


def _look(
    platform: Platform,
    use_case: UseCase,
    sightings: Mapping[Name, Sighting],
    told: dict[str, str],
    draw: Draw,
) -> tuple[list[dg.AssetMaterialization], str]:
    """Take in what was captured, judge, and return what has not been told yet, and any alert."""
    stage = cast("AccountName", use_case.release.stages[-1])
    events, alert = [], ""
    _, added = take_in(platform, use_case.name, stage, seconds=_INTAKE_SECONDS)
    if added.files:
        events.append(_taken(use_case, added))
    situation = situation_of(platform, use_case, sightings)
    found = report_for(platform, use_case, situation)
    if found is not None and told.get(use_case.name) != found[0]:
        # The governor's copy first: a tick that ends before this one is told comes here again.
        report = found[1]
        _tell_governor(platform, use_case, report)
        alert = f"model quality {report.verdict}: {report.why}" if report.alert else ""
        events.append(_event(use_case, found, draw))
        told[use_case.name] = found[0]
    return events, alert


def _tell_governor(platform: Platform, use_case: UseCase, report: QualityReport) -> None:
    version, monitor = report.model_version, report.monitor_report()
    if report.silent:  # what cannot be told is an alert there: an idle model is none
        monitor_reports.forget(platform.artifacts, use_case.name, version, monitor.monitor)
    else:
        monitor_reports.store(platform.artifacts, use_case.name, version, monitor)


def _taken(use_case: UseCase, added: Account) -> dg.AssetMaterialization:
    key = dg.AssetKey(asset_keys.predictions(use_case.name))
    counts = ("files", "gone", "lines", "rows", "duplicates", "unnamed", "several", "malformed")
    metadata: dict[str, Any] = {name: getattr(added, name) for name in counts}
    metadata["refused"] = dg.MetadataValue.json(added.reasons)
    metadata["examples"] = dg.MetadataValue.json(added.examples)
    return dg.AssetMaterialization(key, metadata=metadata)


def _event(use_case: UseCase, found: Report, draw: Draw) -> dg.AssetMaterialization:
    name, report = found
    last = report.windows[-1].scores if report.windows else None
    return dg.AssetMaterialization(
        dg.AssetKey(asset_keys.model_quality(use_case.name)),
        metadata={
            "verdict": report.verdict,
            "why": report.why,
            "alert": report.alert,
            "model_version": report.model_version,
            "report": name,
            "predictions": last.predictions if last else 0,
            "labelled": last.labelled if last else 0,
            **({"auc": last.auc} if last and last.auc is not None else {}),
            **({"brier": last.brier} if last and last.brier is not None else {}),
            "timeline": draw(report),
        },
    )


def _truth_landed(use_case: UseCase, situation: Situation) -> Any:
    """Return the moment up to which every table that ground truth is read from has landed."""
    known = [situation.landed.get(table) for table in _truth_tables(use_case)]
    moments = [moment for moment in known if moment is not None]
    return min(moments) if moments and len(moments) == len(known) else None


def _truth_tables(use_case: UseCase) -> tuple[str, ...]:
    return sql.tables(use_case.queries[use_case.training_set.spine])


def _truth(platform: Platform, use_case: UseCase) -> Mapping[str, Any]:
    """Return what tells apart the states of the tables that ground truth is read from."""
    database = use_case.sources.database
    found: dict[str, Any] = {}
    for name in _truth_tables(use_case):
        table = platform.catalogue.table(database, name)
        partitions = platform.catalogue.partitions(database, name) if table.partition_keys else ()
        found[name] = [table.version_id, table.location, digest_of(versions(partitions, 0))]
    return found


def _tested(platform: Platform, run_uri: str | None) -> Metrics | None:
    """Return the champion's scores on its test rows, None if its run left none."""
    if not run_uri:
        return None
    body = platform.artifacts.read_uri(f"{run_uri}/evaluate/evaluation.json")
    return EvaluationReport.model_validate_json(body).challenger
