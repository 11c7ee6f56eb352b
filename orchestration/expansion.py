"""One use case becomes its assets, checks and jobs; all of them together get one set of sensors.

Composes; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import plots
from assets.approval import approval_asset
from assets.datasets import dataset_assets, source_assets
from assets.deployment import deployment_specs, release_asset
from assets.features import feature_group_assets
from assets.leakage import leakage_check
from assets.monitoring import monitoring_specs
from assets.registry import registry_asset
from assets.training import training_assets
from assets.training_set import training_set_asset
from orchestration import jobs
from sensors.approvals import approval_sensor
from sensors.drift import drift_sensor
from sensors.freshness import freshness_sensor
from sensors.releases import release_sensor
from sensors.retraining import retraining_sensor

if TYPE_CHECKING:
    from usecases.declaration import UseCase


def expand(use_cases: tuple[UseCase, ...], *, sensor_interval: int) -> dg.Definitions:
    """Return everything but the resources."""
    trainings = {each.name: jobs.retrain_job(each) for each in use_cases}
    releases = [jobs.release_job(each) for each in use_cases]
    return dg.Definitions(
        assets=_assets(use_cases),
        asset_checks=_checks(use_cases),
        jobs=[
            *trainings.values(),
            *releases,
            *([jobs.refresh_job(use_cases)] if use_cases else []),
        ],
        schedules=[jobs.retrain_schedule(each, trainings[each.name]) for each in use_cases],
        sensors=_sensors(use_cases, list(trainings.values()), releases, sensor_interval),
    )


def _assets(use_cases: tuple[UseCase, ...]) -> list[Any]:
    # Two use cases may read the same raw table: it is one asset.
    sources = {spec.key: spec for each in use_cases for spec in source_assets(each)}
    made: list[Any] = list(sources.values())
    for each in use_cases:
        made += [a for a in dataset_assets(each) if not isinstance(a, dg.AssetChecksDefinition)]
        made += feature_group_assets(each)
        made += [training_set_asset(each), training_assets(each)]
        made += [registry_asset(each), approval_asset(each), release_asset(each)]
        made += [*deployment_specs(each), *monitoring_specs(each)]
    return made


def _checks(use_cases: tuple[UseCase, ...]) -> list[dg.AssetChecksDefinition]:
    return [
        check
        for each in use_cases
        for check in dataset_assets(each)
        if isinstance(check, dg.AssetChecksDefinition)
    ] + [leakage_check(each) for each in use_cases]


def _sensors(
    use_cases: tuple[UseCase, ...], trainings: list[Any], releases: list[Any], interval: int
) -> list[dg.SensorDefinition]:
    if not use_cases:
        return []
    return [
        freshness_sensor(use_cases, interval=interval),
        drift_sensor(use_cases, plots.drift, interval=interval),
        retraining_sensor(use_cases, trainings, interval=interval),
        approval_sensor(use_cases, releases, interval=interval),
        release_sensor(use_cases, interval=interval),
    ]
