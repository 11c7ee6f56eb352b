"""What has landed, and is a source late? Catalogue facts only, no scan.

Whether a model is too old for what has landed is the governor's question (retraining.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.errors import PerennialError
from resources.platform import Platform
from sensors.governing import Situation, situation_of
from usecases import asset_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from usecases.declaration import UseCase


def freshness_sensor(use_cases: Sequence[UseCase], *, interval: int) -> dg.SensorDefinition:
    """Return the one sensor that watches the age of every source.

    Its cursor holds, per source table, how far it had landed when last looked.
    """

    @dg.sensor(
        name="freshness_sensor",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records what lands on the source tables, and what is late.",
    )
    def watch(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        cursor: dict[str, str] = json.loads(context.cursor or "{}")
        events, reasons = [], []
        for use_case in use_cases:
            try:
                situation = situation_of(platform, use_case)
            except PerennialError as error:
                reasons.append(f"{use_case.name}: cannot tell: {error}")
                continue
            events += list(_landings(use_case, situation.landed, cursor))
        return dg.SensorResult(
            asset_events=events,
            cursor=json.dumps(cursor),
            skip_reason=None if events else "; ".join(reasons) or "nothing new has landed",
        )

    return watch


def late_by(use_case: UseCase, situation: Situation) -> dict[str, str]:
    """Say which sources lag further behind the newest one than they may."""
    known = {table: moment for table, moment in situation.landed.items() if moment is not None}
    newest = max(known.values(), default=None)
    found = {}
    for table, source in use_case.sources.tables.items():
        if source.freshness is None or newest is None:
            continue
        if table not in known:
            found[table] = "it has never said how far it has landed"
        elif newest - known[table] > source.freshness:
            found[table] = f"{newest - known[table]} behind, allowed are {source.freshness}"
    return found


def _landings(
    use_case: UseCase, landed: Mapping[str, datetime | None], cursor: dict[str, str]
) -> Iterator[dg.AssetObservation]:
    """Yield an observation per source table that has moved, and move the cursor with it."""
    late = late_by(use_case, Situation(landed, None, None))
    for table, moment in landed.items():
        name = f"{use_case.sources.database}.{table}"
        state = f"{moment} {late.get(table, '')}"
        if cursor.get(name) == state:
            continue
        cursor[name] = state
        metadata: dict[str, Any] = {"landed_through": str(moment)}
        if table in late:
            metadata["late"] = late[table]
        yield dg.AssetObservation(
            dg.AssetKey(asset_keys.source(use_case.sources.database, table)),
            metadata=metadata,
            tags={"dagster/data_version": str(moment)},
        )
