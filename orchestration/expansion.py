"""One use case becomes its assets, checks and jobs; all of them together get one set of sensors.

Composes; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import observing, plots, plots_monitors, plots_quality
from assets.approval import approval_asset
from assets.datasets import dataset_assets
from assets.deployment import deployment_specs, release_asset
from assets.features import feature_group_assets, feature_group_checks
from assets.leakage import leakage_check
from assets.monitoring import monitoring_specs
from assets.registry import registry_asset
from assets.sources import observe_job, source_assets
from assets.training import training_assets
from assets.training_set import training_set_asset
from orchestration import housekeeping, jobs
from sensors.approvals import approval_sensor
from sensors.drift import drift_sensor
from sensors.freshness import freshness_sensor
from sensors.monitors import monitor_sensor
from sensors.quality import quality_sensor
from sensors.releases import release_sensor
from sensors.retraining import retraining_sensor

if TYPE_CHECKING:
    from decisions.queue import Quota
    from resources.platform import Platform
    from usecases.declaration import UseCase


#: Labels and windows come by the day or week: whoever waits for them need not look as often.
_UNHURRIED = 15
#: Captured predictions come all the time; a tick without any costs a few calls.
_CALM = 5


def expand(
    use_cases: tuple[UseCase, ...],
    platform: Platform,
    *,
    sensor_interval: int,
    wall_clock: bool = False,
    quota: Quota | None = None,
) -> dg.Definitions:
    """Return everything but the resources; some sensors are handed the doors as such."""
    trainings = {each.name: jobs.retrain_job(each) for each in use_cases}
    releases = [jobs.release_job(each) for each in use_cases]
    refreshes = [jobs.refresh_job(use_cases)] if use_cases else []
    return dg.Definitions(
        assets=[*source_assets(use_cases, wall_clock=wall_clock), *_assets(use_cases)],
        asset_checks=_checks(use_cases),
        jobs=[
            *trainings.values(),
            *releases,
            *(job for each in use_cases if (job := jobs.backfill_job(each)) is not None),
            *refreshes,
            *([observe_job(use_cases)] if use_cases else []),
        ],
        schedules=[housekeeping.expiry_schedule(use_cases)] if use_cases else [],
        sensors=_sensors(
            use_cases,
            platform,
            list(trainings.values()),
            releases,
            refreshes,
            interval=sensor_interval,
            quota=quota,
        ),
    )


def _assets(use_cases: tuple[UseCase, ...]) -> list[Any]:
    made: list[Any] = []
    for each in use_cases:
        made += [a for a in dataset_assets(each) if not isinstance(a, dg.AssetChecksDefinition)]
        made += feature_group_assets(each)
        made += [training_set_asset(each), training_assets(each)]
        made += [registry_asset(each), approval_asset(each), release_asset(each)]
        made += [*deployment_specs(each), *monitoring_specs(each)]
    return made


def _checks(use_cases: tuple[UseCase, ...]) -> list[dg.AssetChecksDefinition]:
    contracts = [
        check
        for each in use_cases
        for check in dataset_assets(each)
        if isinstance(check, dg.AssetChecksDefinition)
    ]
    return [
        *contracts,
        *(check for each in use_cases for check in feature_group_checks(each)),
        *(leakage_check(each) for each in use_cases),
    ]


def _sensors(
    use_cases: tuple[UseCase, ...],
    platform: Platform,
    trainings: list[Any],
    releases: list[Any],
    refreshes: list[Any],
    *,
    interval: int,
    quota: Quota | None,
) -> list[dg.SensorDefinition]:
    if not use_cases:
        return []
    unhurried = interval * _UNHURRIED
    return [
        freshness_sensor(use_cases, refreshes, observing.tell, interval=interval),
        drift_sensor(use_cases, plots.drift, platform, interval=interval),
        quality_sensor(use_cases, plots_quality.timeline, platform, interval=interval * _CALM),
        monitor_sensor(use_cases, plots_monitors.draw, interval=unhurried),
        retraining_sensor(use_cases, trainings, interval=interval, quota=quota),
        approval_sensor(use_cases, releases, interval=interval),
        release_sensor(use_cases, interval=interval),
    ]
