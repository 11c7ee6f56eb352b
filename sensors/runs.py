"""Training runs as the governor takes them, read from the Dagster instance in a few queries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from decisions.moments import naive_utc
from decisions.retraining import RunFact
from usecases import run_tags as tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RECENT = 200
#: Newest training runs that one look at all use cases reads.
_OF_ALL = 1000
_FAILED = frozenset({dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED})
_ENDED = _FAILED | {dg.DagsterRunStatus.SUCCESS}
_UNDER_WAY = [each for each in dg.DagsterRunStatus if each not in _ENDED]


def training_runs(
    instance: dg.DagsterInstance, use_cases: Iterable[str]
) -> dict[str, tuple[RunFact, ...]]:
    """Return the newest training runs by use case, and all under way, whoever launched them.

    Of many use cases these are not all: before anything starts, ``history`` is asked.
    """
    found: dict[str, dict[str, RunFact]] = {name: {} for name in use_cases}
    named = {tags.RETRAIN: sorted(found)}
    for filters, limit in (
        (dg.RunsFilter(tags=named), _OF_ALL),
        (dg.RunsFilter(tags=named, statuses=_UNDER_WAY), None),
    ):
        for record in instance.get_run_records(filters=filters, limit=limit):
            fact = run_fact(record)
            found[record.dagster_run.tags[tags.RETRAIN]][fact.run_id] = fact
    return {name: tuple(runs.values()) for name, runs in found.items()}


def history(
    instance: dg.DagsterInstance, use_case: str, *, episode: str, now: datetime
) -> tuple[RunFact, ...]:
    """Return all that the governor may look at: this episode's runs, this month's, the newest."""
    begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    mine = {tags.RETRAIN: use_case}
    asked = (
        (dg.RunsFilter(tags=mine), _RECENT),
        (dg.RunsFilter(tags=mine, created_after=begins), None),
        (dg.RunsFilter(tags=mine | {tags.EPISODE: episode}), None),
        (dg.RunsFilter(tags=mine, statuses=_UNDER_WAY), None),
    )
    found = {
        fact.run_id: fact
        for filters, limit in asked
        for fact in map(run_fact, instance.get_run_records(filters=filters, limit=limit))
    }
    return tuple(found.values())


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
        started_at=naive_utc(record.create_timestamp),
        finished_at=_moment(record.end_time),
        tried_through=datetime.fromisoformat(tried) if tried else None,
        cost_usd=_cost(run),
    )


def _cost(run: dg.DagsterRun) -> float | None:
    """Return what a run cost; nothing if it failed before it trained, None if it was not told."""
    told = run.tags.get(tags.COST)
    if told is not None:
        return float(told)
    return 0.0 if run.status in _FAILED and tags.SPENDING not in run.tags else None


def _status(run: dg.DagsterRun) -> str:
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return "succeeded"
    if run.status in _FAILED:
        return "refused" if run.tags.get(tags.OUTCOME) == "refused" else "failed"
    return "running"


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else naive_utc(datetime.fromtimestamp(seconds, UTC))
