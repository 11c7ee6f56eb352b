"""Training runs as the governor takes them, read from the Dagster instance in one query."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from decisions.retraining import RunFact
from usecases import run_tags as tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RECENT = 200
_FAILED = frozenset({dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED})


def training_runs(
    instance: dg.DagsterInstance, use_cases: Iterable[str]
) -> dict[str, tuple[RunFact, ...]]:
    """Return the newest training runs by use case, whoever launched them."""
    found: dict[str, list[RunFact]] = {name: [] for name in use_cases}
    wanted = dg.RunsFilter(tags={tags.RETRAIN: sorted(found)})
    for record in instance.get_run_records(filters=wanted, limit=_RECENT):
        found[record.dagster_run.tags[tags.RETRAIN]].append(run_fact(record))
    return {name: tuple(runs) for name, runs in found.items()}


def runs_with(instance: dg.DagsterInstance, tag: str, value: str) -> Sequence[dg.DagsterRun]:
    """Return the newest runs that carry a tag."""
    return instance.get_runs(filters=dg.RunsFilter(tags={tag: value}), limit=_RECENT)


def run_fact(record: dg.RunRecord) -> RunFact:
    """Return what the governor looks at of one run; times are naive UTC."""
    run = record.dagster_run
    tried = run.tags.get(tags.TRIED_THROUGH)
    return RunFact(
        run_id=run.run_id,
        status=_status(run),
        episode=run.tags.get(tags.EPISODE, ""),
        attempt=int(run.tags.get(tags.ATTEMPT, "0")),
        started_at=record.create_timestamp.astimezone(UTC).replace(tzinfo=None),
        finished_at=_moment(record.end_time),
        tried_through=datetime.fromisoformat(tried) if tried else None,
    )


def _status(run: dg.DagsterRun) -> str:
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return "succeeded"
    if run.status in _FAILED:
        return "refused" if run.tags.get(tags.OUTCOME) == "refused" else "failed"
    return "running"


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
