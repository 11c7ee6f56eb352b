"""The jobs of a use case. What assets do and when sensors fire is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from usecases import asset_keys
from usecases import run_tags as tags

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    from usecases.declaration import UseCase


def retrain_job(use_case: UseCase) -> UnresolvedAssetJobDefinition:
    """Return the job from raw tables to an approved version and (by policy) its release.

    The release is started here only to save a sensor tick; the approval sensor sees the same facts
    and would start the very same one, under the same token, if this run died before it.

    In one process: its assets wait for AWS rather than compute, and a process per asset would cost
    seconds each.
    """
    keys = [
        *feature_keys(use_case),
        asset_keys.training_set(use_case.name),
        asset_keys.data_report(use_case.name),
        asset_keys.model(use_case.name),
        asset_keys.evaluation(use_case.name),
        asset_keys.bias(use_case.name),
        asset_keys.gate_report(use_case.name),
        asset_keys.registry(use_case.name),
        asset_keys.approval(use_case.name),
        asset_keys.release(use_case.name),
    ]
    return dg.define_asset_job(
        f"retrain_{use_case.name}",
        selection=_select(keys),
        description=f"Train, judge, register and (by policy) approve and release {use_case.title}.",
        tags={tags.RETRAIN: use_case.name, tags.DATA: use_case.name},
        executor_def=dg.in_process_executor,
    )


def release_job(use_case: UseCase) -> UnresolvedAssetJobDefinition:
    """Return the job that starts the release which is due."""
    return dg.define_asset_job(
        f"release_{use_case.name}",
        selection=_select([asset_keys.release(use_case.name)]),
        description=f"Hand the approved version of {use_case.title} to CodePipeline.",
        tags={tags.RELEASE: use_case.name},
        executor_def=dg.in_process_executor,
    )


def refresh_job(use_cases: tuple[UseCase, ...]) -> UnresolvedAssetJobDefinition:
    """Return the job that brings datasets and feature groups of all use cases up to date."""
    return dg.define_asset_job(
        "refresh_features",
        selection=_select([key for each in use_cases for key in feature_keys(each)]),
        description="Datasets and feature groups of every use case, from what has landed.",
        executor_def=dg.in_process_executor,
    )


def backfill_job(use_case: UseCase) -> UnresolvedAssetJobDefinition | None:
    """Return the job that makes days of datasets anew; None where no dataset has days.

    For ``dagster job backfill``; in the UI, any of its assets can be backfilled by itself.
    """
    keys = [
        asset_keys.dataset_days(use_case.name, each.name)
        for each in use_case.datasets
        if each.partition_by
    ]
    if not keys:
        return None
    return dg.define_asset_job(
        f"backfill_{use_case.name}",
        selection=_select(keys),
        description=f"Make days of the datasets of {use_case.title} anew, whatever there is.",
        executor_def=dg.in_process_executor,
    )


def feature_keys(use_case: UseCase) -> list[list[str]]:
    """Return the keys of a use case's datasets and feature groups."""
    return [
        *(asset_keys.dataset(use_case.name, each.name) for each in use_case.datasets),
        *(asset_keys.feature_group(use_case.name, each.name) for each in use_case.feature_groups),
    ]


def _select(keys: list[list[str]]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(dg.AssetKey(key) for key in keys))
