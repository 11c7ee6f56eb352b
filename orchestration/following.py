"""Watching a renewal from outside: a training run, then its release, until prod serves.

Reads Dagster's and AWS's own records and tells what is new. Starts nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.errors import Terminal
from usecases import asset_keys
from usecases import run_tags as tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from resources.codepipeline import ReleaseFacts
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase

    Say = Callable[[str], None]

_POLL_SECONDS = 0.5
_ENDED = frozenset(
    {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
)


@dataclass
class Renewal:
    """One turn of the loop, as far as it has come. Times are epoch seconds."""

    run_id: str
    trigger: str
    launched_by: str
    outcome: str = "running"
    marks: dict[str, float] = field(default_factory=dict)
    package: PackageFacts | None = None
    release: ReleaseFacts | None = None
    stage_seconds: dict[str, float] = field(default_factory=dict)
    step_seconds: dict[str, float] = field(default_factory=dict)


def wait_for_run(
    instance: dg.DagsterInstance, use_case: UseCase, *, known: set[str], timeout: float
) -> dg.DagsterRun:
    """Return the first training run that is not among ``known``.

    Raises:
        Terminal: None appeared in time.
    """
    deadline = time.monotonic() + timeout
    wanted = dg.RunsFilter(tags={tags.RETRAIN: use_case.name})
    while time.monotonic() < deadline:
        for run in instance.get_runs(filters=wanted, limit=20):
            if run.run_id not in known:
                return run
        time.sleep(_POLL_SECONDS)
    raise Terminal(
        f"No training run of {use_case.name} appeared within {timeout:.0f} s; "
        "`perennial status` says what the governor waits for."
    )


def ended_runs(instance: dg.DagsterInstance, use_case: UseCase) -> set[str]:
    """Return the ids of the training runs that have ended."""
    wanted = dg.RunsFilter(tags={tags.RETRAIN: use_case.name}, statuses=list(_ENDED))
    return {run.run_id for run in instance.get_runs(filters=wanted)}


def begin(run: dg.DagsterRun) -> Renewal:
    """Return the renewal that a run started."""
    sensor = run.tags.get("dagster/sensor_name")
    return Renewal(
        run_id=run.run_id,
        trigger=run.tags.get(tags.REASON, "on request"),
        launched_by=sensor or "dagster job launch",
    )


def follow_training(
    instance: dg.DagsterInstance, renewal: Renewal, say: Say, *, timeout: float
) -> None:
    """Tell the run's materializations, checks and pipeline steps until it has ended.

    Raises:
        Terminal: It did not end in time, or failed for another reason than a gate.
    """
    deadline = time.monotonic() + timeout
    cursor: str | None = None
    while True:
        run = instance.get_run_by_id(renewal.run_id)
        page = instance.get_records_for_run(renewal.run_id, cursor=cursor)
        cursor = page.cursor
        for record in page.records:
            _tell(renewal, record.event_log_entry, say)
        if run is not None and run.status in _ENDED and not page.records:
            break
        if time.monotonic() > deadline:
            raise Terminal(f"Run {renewal.run_id} has not ended within {timeout:.0f} s.")
        time.sleep(_POLL_SECONDS)
    renewal.outcome = _outcome(run)
    renewal.marks["trained"] = time.time()
    if renewal.outcome == "failed":
        raise Terminal(f"Run {renewal.run_id} failed: {_last_error(instance, renewal.run_id)}")


def follow_release(
    platform: Platform, use_case: UseCase, renewal: Renewal, say: Say, *, timeout: float
) -> None:
    """Tell CodePipeline's stages until the newest approved version serves in the last stage.

    Raises:
        Terminal: The release failed, or did not end in time.
    """
    deadline = time.monotonic() + timeout
    told: set[tuple[str, str]] = set()
    arn = renewal.package.arn if renewal.package else ""
    name = platform.names.release_pipeline(use_case.name)
    while time.monotonic() < deadline:
        for release in platform.releases.executions(name, limit=5):
            if release.variables.get("ModelPackageArn") != arn:
                continue
            renewal.release = release
            _tell_stages(platform, name, renewal, told, say)
            if release.status == "Succeeded":
                renewal.marks["serving"] = time.time()
                return
            if release.status in {"Failed", "Stopped"}:
                raise Terminal(f"Release {release.id} of {arn} ended {release.status}: {told}")
            break
        time.sleep(_POLL_SECONDS)
    raise Terminal(f"{arn} was not released within {timeout:.0f} s; see `perennial status`.")


def wait_until_recorded(
    instance: dg.DagsterInstance, use_case: UseCase, renewal: Renewal, *, timeout: float
) -> bool:
    """Wait until the release sensor has recorded the last stage; say whether it did in time."""
    stage = use_case.release.stages[-1]
    key = dg.AssetKey(asset_keys.deployment(use_case.name, stage))
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        event = instance.get_latest_materialization_event(key)
        found = event.asset_materialization if event else None
        recorded = found.metadata.get("execution_id") if found else None
        if recorded and renewal.release and recorded.value == renewal.release.id:
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _tell_stages(
    platform: Platform, name: str, renewal: Renewal, told: set[tuple[str, str]], say: Say
) -> None:
    assert renewal.release is not None  # noqa: S101 - the caller just set it
    for stage in platform.releases.stages(name, renewal.release.id):
        if (stage.name, stage.status) in told or stage.status == "NotStarted":
            continue
        told.add((stage.name, stage.status))
        if stage.started_at and stage.ended_at:
            seconds = (stage.ended_at - stage.started_at).total_seconds()
            renewal.stage_seconds[stage.name] = seconds
            say(
                f"CodePipeline {stage.name}: {stage.status} after {seconds:.1f} s"
                f"{f' {stage.error}' if stage.error else ''}"
            )
        else:
            say(f"CodePipeline {stage.name}: {stage.status}")


def _tell(renewal: Renewal, entry: Any, say: Say) -> None:
    event = entry.dagster_event
    if event is None:
        if entry.user_message.startswith(("step ", "pipeline ", "execution ", "version ")):
            say(entry.user_message)
            _note_step(renewal, entry.user_message)
        return
    if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
        if event.partition is not None:
            return  # a dataset's days: their sum is told with the dataset
        name = "/".join(event.asset_key.path)
        renewal.marks[name] = entry.timestamp
        say(f"materialized {name}")
    elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if not check.passed:
            say(f"check {check.check_name} failed: {check.description}")
    elif event.event_type == dg.DagsterEventType.RUN_START:
        renewal.marks["run started"] = entry.timestamp
        say(f"run {renewal.run_id} started ({renewal.launched_by}): {renewal.trigger}")


def _note_step(renewal: Renewal, message: str) -> None:
    """Read ``step Train: Succeeded after 2.3 s``."""
    words = message.split()
    if words[0] == "step" and "after" in words:
        renewal.step_seconds[words[1].rstrip(":")] = float(words[words.index("after") + 1])


def _outcome(run: dg.DagsterRun | None) -> str:
    if run is None:
        return "failed"
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return "succeeded"
    return "refused" if run.tags.get(tags.OUTCOME) == "refused" else "failed"


def _last_error(instance: dg.DagsterInstance, run_id: str) -> str:
    failures = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    for entry in failures:
        data = entry.dagster_event.step_failure_data if entry.dagster_event else None
        if data and data.error:
            cause = data.error.cause or data.error
            return str(cause.message).strip()
    return "see `make ui`"


def utc(seconds: float) -> str:
    """Return epoch seconds as ISO text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
