"""What is watched while a model serves, as assets that sensors report on. No statistics here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.parts import asset_key
from usecases import asset_keys
from usecases.sql import tables

if TYPE_CHECKING:
    from usecases.declaration import UseCase


def monitoring_specs(use_case: UseCase) -> list[dg.AssetSpec]:
    """Return the drift report, the predictions, and the report on their quality."""
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
