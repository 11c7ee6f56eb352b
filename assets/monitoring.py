"""What is watched while a model serves, as assets that sensors report on. No statistics here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.parts import asset_key
from usecases import asset_keys
from usecases.sql import tables

if TYPE_CHECKING:
    from decisions.reports import MonitorName
    from usecases.declaration import UseCase


def monitoring_specs(use_case: UseCase) -> list[dg.AssetSpec]:
    """Return the reports on new data, of drift and each other monitor, and the governor's."""
    database = use_case.sources.database
    watched = [asset_keys.source(database, table) for table in use_case.monitors.drift.tables]
    return [
        dg.AssetSpec(
            asset_key(asset_keys.drift(use_case.name)),
            deps=[asset_key(key) for key in [*watched, asset_keys.registry(use_case.name)]],
            description="How far the newest data lies from what the champion learnt (PSI).",
            group_name=use_case.group,
            kinds={"athena"},
            owners=[use_case.owner],
        ),
        dg.AssetSpec(
            asset_key(asset_keys.governor(use_case.name)),
            deps=[
                asset_key(asset_keys.drift(use_case.name)),
                asset_key(asset_keys.model_quality(use_case.name)),
                *(asset_key(asset_keys.monitor(use_case.name, name)) for name in _others(use_case)),
                asset_key(asset_keys.registry(use_case.name)),
            ],
            description="Whether the model is trained again, and why: reasons, obstacles, budget.",
            group_name=use_case.group,
            kinds={"python"},
            owners=[use_case.owner],
        ),
        *(_monitor_spec(use_case, name) for name in _others(use_case)),
        *_quality_specs(use_case),
    ]


def _quality_specs(use_case: UseCase) -> list[dg.AssetSpec]:
    spine = use_case.queries[use_case.training_set.spine]
    truth = [asset_keys.source(use_case.sources.database, each) for each in tables(spine)]
    serving = asset_keys.deployment(use_case.name, use_case.release.stages[-1])
    predictions = asset_key(asset_keys.predictions(use_case.name))
    return [
        dg.AssetSpec(
            predictions,
            deps=[asset_key(serving)],
            description="What the model answered, as its endpoint captured it; one row an event.",
            group_name=use_case.group,
            kinds={"sagemaker", "glue"},
            owners=[use_case.owner],
        ),
        dg.AssetSpec(
            asset_key(asset_keys.model_quality(use_case.name)),
            deps=[predictions, *(asset_key(key) for key in truth)],
            description="How good the champion's answers were, once their labels were in.",
            group_name=use_case.group,
            kinds={"athena"},
            owners=[use_case.owner],
        ),
    ]


def _others(use_case: UseCase) -> list[MonitorName]:
    """Return the monitors beside data drift and model quality that are on."""
    monitors = use_case.monitors
    found: list[MonitorName] = list(monitors.sampled) if monitors.sample.enabled else []
    if monitors.data_quality.enabled:
        found.append("data_quality")
    return found


#: What a monitor's report says, in a line.
_SAYS: dict[MonitorName, str] = {
    "multivariate_drift": "How well a classifier tells new rows from those the champion learnt.",
    "prediction_drift": "How far the champion's probabilities have moved since its test rows.",
    "performance_estimate": "The champion's quality on new rows, estimated without labels.",
    "bias_drift": "Whether a group is treated otherwise than when the champion was judged.",
    "attribution_drift": "Whether the champion rests on the same features as in training (NDCG).",
    "data_quality": "Whether new data keeps what the baseline promises of each column.",
}


def _monitor_spec(use_case: UseCase, name: MonitorName) -> dg.AssetSpec:
    database = use_case.sources.database
    sources = [asset_keys.source(database, table) for table in use_case.sources.tables]
    return dg.AssetSpec(
        asset_key(asset_keys.monitor(use_case.name, name)),
        deps=[asset_key(key) for key in [*sources, asset_keys.registry(use_case.name)]],
        description=_SAYS[name],
        group_name=use_case.group,
        kinds={"sagemaker"},
        owners=[use_case.owner],
    )
