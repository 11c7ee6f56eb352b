"""What is watched while a model serves, as assets that sensors report on. No statistics here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.parts import asset_key
from usecases import asset_keys

if TYPE_CHECKING:
    from usecases.declaration import UseCase


def monitoring_specs(use_case: UseCase) -> list[dg.AssetSpec]:
    """Return the drift report, new data against the champion's baseline, and the governor."""
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
                asset_key(asset_keys.registry(use_case.name)),
            ],
            description="Whether the model is trained again, and why: reasons, obstacles, budget.",
            group_name=use_case.group,
            kinds={"python"},
            owners=[use_case.owner],
        ),
    ]
