"""CodePipeline: release pipelines, their executions and stages, approvals within them.

What a release does is in its definition (pipelines/release); whether to release is decided
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resources.errors import Missing, call, find, make

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

_IN_FLIGHT = frozenset({"InProgress", "Stopping"})
# What CodePipeline fills in by itself; absent and default are the same thing.
_DEFAULTS = {"runOrder": 1, "executionMode": "SUPERSEDED"}


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """One execution of a release pipeline."""

    id: str
    status: str
    started_at: datetime
    updated_at: datetime
    variables: Mapping[str, str] = field(hash=False)

    @property
    def in_flight(self) -> bool:
        """Say whether it has yet to end."""
        return self.status in _IN_FLIGHT


@dataclass(frozen=True, slots=True)
class StageFacts:
    """One stage within an execution: NotStarted, InProgress, Succeeded, Failed or Abandoned."""

    name: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A manual approval that waits; ``token`` is good for this one only."""

    stage: str
    action: str
    token: str
    execution_id: str


class Releases:
    """The release pipelines of the assets account."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ensure(self, definition: Mapping[str, Any]) -> bool:
        """Create a pipeline, or update it if it differs; say whether it changed."""
        stored = find(self._client.get_pipeline, name=definition["name"])
        if stored is None:
            return make(self._client.create_pipeline, pipeline=definition)
        if normal(stored["pipeline"]) == normal(definition):
            return False
        call(self._client.update_pipeline, pipeline=definition)
        return True

    def start(self, name: str, variables: Mapping[str, str], token: str) -> str:
        """Start an execution and return its id, or that of the one this plan started already.

        Args:
            name: The pipeline.
            variables: Values of its variables.
            token: The plan's digest: letters, digits and dashes, at most 128.

        Raises:
            Missing: There is no such pipeline.
            Transient: Too many executions run at once.
        """
        running = self._in_flight(name, variables)
        if running is not None:
            return running
        answer = call(
            self._client.start_pipeline_execution,
            name=name,
            variables=[{"name": key, "value": value} for key, value in sorted(variables.items())],
            clientRequestToken=token,
        )
        return str(answer["pipelineExecutionId"])

    def executions(self, name: str, *, limit: int = 20) -> tuple[ReleaseFacts, ...]:
        """Return the newest executions, newest first, at most ``limit``; none if no pipeline."""
        try:
            page = call(self._client.list_pipeline_executions, pipelineName=name, maxResults=limit)
        except Missing:
            return ()
        summaries = page["pipelineExecutionSummaries"]
        return tuple(self._release_of(name, each) for each in summaries)

    def stages(self, name: str, execution_id: str) -> tuple[StageFacts, ...]:
        """Return all stages of an execution in the pipeline's order.

        Raises:
            Missing: There is no such pipeline or execution.
        """
        execution = self._execution(name, execution_id)
        version = execution.get("pipelineVersion")
        which = {"version": version} if version else {}
        pipeline = call(self._client.get_pipeline, name=name, **which)["pipeline"]
        actions = list(self._actions(name, execution_id))
        return tuple(stage_of(stage, actions) for stage in pipeline["stages"])

    def pending_approvals(self, name: str) -> tuple[PendingApproval, ...]:
        """Return the manual approvals of a pipeline that wait for somebody."""
        state = call(self._client.get_pipeline_state, name=name)
        return tuple(
            PendingApproval(
                stage["stageName"],
                action["actionName"],
                action["latestExecution"]["token"],
                stage.get("latestExecution", {}).get("pipelineExecutionId", ""),
            )
            for stage in state["stageStates"]
            for action in stage.get("actionStates", [])
            if action.get("latestExecution", {}).get("status") == "InProgress"
            and action["latestExecution"].get("token")
        )

    def approve_stage(self, name: str, stage: str, action: str, token: str, summary: str) -> None:
        """Let an execution pass a manual approval.

        Raises:
            Terminal: The token is of another execution, or somebody answered before.
        """
        self._answer(name, (stage, action, token), "Approved", summary)

    def reject_stage(self, name: str, stage: str, action: str, token: str, summary: str) -> None:
        """Fail an execution at a manual approval.

        Raises:
            Terminal: The token is of another execution, or somebody answered before.
        """
        self._answer(name, (stage, action, token), "Rejected", summary)

    def _answer(self, name: str, where: tuple[str, str, str], status: str, summary: str) -> None:
        stage, action, token = where
        call(
            self._client.put_approval_result,
            pipelineName=name,
            stageName=stage,
            actionName=action,
            result={"status": status, "summary": summary[:512]},
            token=token,
        )

    def _in_flight(self, name: str, variables: Mapping[str, str]) -> str | None:
        page = call(self._client.list_pipeline_executions, pipelineName=name, maxResults=20)
        for summary in page["pipelineExecutionSummaries"]:
            if summary["status"] in _IN_FLIGHT:
                release = self._release_of(name, summary)
                if dict(variables).items() <= dict(release.variables).items():
                    return release.id
        return None

    def _release_of(self, name: str, summary: Mapping[str, Any]) -> ReleaseFacts:
        execution = self._execution(name, summary["pipelineExecutionId"])
        variables = execution.get("variables", [])
        return ReleaseFacts(
            id=summary["pipelineExecutionId"],
            status=summary["status"],
            started_at=summary["startTime"],
            updated_at=summary["lastUpdateTime"],
            variables={each["name"]: each.get("resolvedValue", "") for each in variables},
        )

    def _execution(self, name: str, execution_id: str) -> dict[str, Any]:
        answer = call(
            self._client.get_pipeline_execution,
            pipelineName=name,
            pipelineExecutionId=execution_id,
        )
        execution: dict[str, Any] = answer["pipelineExecution"]
        return execution

    def _actions(self, name: str, execution_id: str) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {
            "pipelineName": name,
            "filter": {"pipelineExecutionId": execution_id},
        }
        while True:
            page = call(self._client.list_action_executions, **request)
            yield from page["actionExecutionDetails"]
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]


def normal(document: Any) -> Any:
    """Return a pipeline definition without its version, defaults and empty parts, to compare."""
    if isinstance(document, list | tuple):
        return [normal(each) for each in document]
    if not isinstance(document, dict):
        return document
    kept = {
        key: normal(value)
        for key, value in document.items()
        if key != "version"
        or (
            "owner" in document  # an action type's version is part of what it is
        )
    }
    return {
        key: value
        for key, value in kept.items()
        if value not in ({}, [], None) and _DEFAULTS.get(key) != value
    }


def stage_of(stage: Mapping[str, Any], actions: Sequence[Mapping[str, Any]]) -> StageFacts:
    """Return a stage's facts from its definition and the actions that started.

    An action that was retried counts by its latest run. A stage has only succeeded once all the
    actions of its definition have: CodePipeline lists no action that has yet to start.
    """
    latest: dict[str, Mapping[str, Any]] = {}
    for each in sorted(actions, key=lambda action: action["startTime"]):
        if each["stageName"] == stage["name"]:
            latest[each["actionName"]] = each
    status = _stage_status([each["status"] for each in latest.values()], len(stage["actions"]))
    running = status in {"NotStarted", "InProgress"}
    errors = [_error_of(each) for each in latest.values() if each["status"] == "Failed"]
    return StageFacts(
        name=stage["name"],
        status=status,
        started_at=min((each["startTime"] for each in latest.values()), default=None),
        ended_at=None if running else max(each["lastUpdateTime"] for each in latest.values()),
        error="; ".join(errors) or None,
    )


def _stage_status(statuses: Sequence[str], expected: int) -> str:
    if not statuses:
        return "NotStarted"
    for status in ("Failed", "Abandoned", "InProgress"):
        if status in statuses:
            return status
    return "Succeeded" if len(statuses) >= expected else "InProgress"


def _error_of(action: Mapping[str, Any]) -> str:
    result = action.get("output", {}).get("executionResult", {})
    said = result.get("errorDetails", {}).get("message") or result.get("externalExecutionSummary")
    return f"{action['actionName']}: {said or 'failed without a message'}"
