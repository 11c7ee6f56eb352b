"""Is it time to bring a use case's datasets and features up to date with what has landed?

Only for use cases that say `refresh: on_landing`: by default datasets follow with the training that
needs them. Training itself is never started here (retraining.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from decisions.model import digest_of
from usecases import asset_keys
from usecases import run_tags as tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.sightings import Name, Sighting
    from usecases.declaration import UseCase
    from usecases.raw_tables import Outlook

JOB = "refresh_features"
#: Runs that may fail on the same data before new data, or a person, has to come.
MOST_STARTS = 3
_RECENT = 50
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def refresh_due(
    instance: dg.DagsterInstance,
    use_case: UseCase,
    sightings: Mapping[Name, Sighting],
    outlook: Outlook,
) -> dg.RunRequest | str | None:
    """Return the run that is due, why it has to wait, or None where there is nothing to do."""
    if use_case.sources.refresh != "on_landing":
        return None
    versions = _versions(use_case, sightings)
    if versions is None:
        return "its features wait: a source could not be seen"
    if (why := outlook.late or outlook.schema_drift) is not None:
        return f"its features wait: {why}"
    return _start(instance, use_case, digest_of(versions)[:16])


def _start(
    instance: dg.DagsterInstance, use_case: UseCase, landed: str
) -> dg.RunRequest | str | None:
    failed = _failed(instance, use_case, landed)
    if failed is None:
        return None
    if failed >= MOST_STARTS:
        return f"{failed} runs failed to refresh its features from what has landed ({landed})"
    if (run := _under_way(instance, use_case)) is not None:
        # Whatever lands while it runs is coalesced into the next.
        return f"its features wait for run {run}"
    return _request(use_case, landed, failed)


def _versions(use_case: UseCase, sightings: Mapping[Name, Sighting]) -> dict[str, str] | None:
    database = use_case.sources.database
    seen = {table: sightings[database, table].seen for table in use_case.sources.tables}
    found = {table: each.version for table, each in seen.items() if each is not None}
    return found if len(found) == len(seen) else None


def _failed(instance: dg.DagsterInstance, use_case: UseCase, landed: str) -> int | None:
    """Return how many runs failed on this data; None where one succeeded or is under way."""
    wanted = dg.RunsFilter(tags={tags.REFRESH: use_case.name, tags.LANDED: landed})
    runs = instance.get_runs(filters=wanted, limit=_RECENT)
    ended = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    if any(run.status not in ended for run in runs):
        return None
    return len(runs)


def _under_way(instance: dg.DagsterInstance, use_case: UseCase) -> str | None:
    for tag in (tags.REFRESH, tags.RETRAIN):
        wanted = dg.RunsFilter(tags={tag: use_case.name}, statuses=_UNDER_WAY)
        for run in instance.get_runs(filters=wanted, limit=1):
            return str(run.run_id)
    return None


def _request(use_case: UseCase, landed: str, failed: int) -> dg.RunRequest:
    name = use_case.name
    keys = [asset_keys.dataset(name, each.name) for each in use_case.datasets]
    keys += [asset_keys.feature_group(name, each.name) for each in use_case.feature_groups]
    return dg.RunRequest(
        run_key=f"{name}/{landed}/{failed}",
        job_name=JOB,
        asset_selection=[dg.AssetKey(key) for key in keys],
        tags={
            tags.REFRESH: name,
            tags.DATA: name,
            tags.LANDED: landed,
            tags.REASON: "new data has landed",
        },
    )
