"""What CodePipeline tells EventBridge of pipelines, stages and actions.

https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.core.announcing import Announcement, Change, Notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.provider import Document

_SOURCE = "aws.codepipeline"
_STATES = {
    "InProgress": "STARTED", "Succeeded": "SUCCEEDED", "Failed": "FAILED",
    "Stopping": "STOPPING", "Stopped": "STOPPED", "Superseded": "SUPERSEDED",
    "Abandoned": "ABANDONED", "Cancelled": "CANCELED",
}  # fmt: skip


def _execution(change: Change) -> Iterator[Announcement]:
    execution = change.after
    if execution is None:
        return
    before = change.before or {"status": None, "stages": {}}
    stages = _stages(change, before, execution)
    if before["status"] == execution["status"]:
        yield from stages
        return
    state = _state(before["status"], execution["status"])
    trigger = execution["trigger"]
    told = _about(
        change,
        "Pipeline",
        execution,
        {
            "state": state,
            "execution-trigger": {
                "trigger-type": trigger["triggerType"],
                "trigger-detail": trigger["triggerDetail"],
            },
        },
    )
    # A pipeline starts before its stages and ends after them.
    if state in ("STARTED", "RESUMED"):
        yield told
        yield from stages
    else:
        yield from stages
        yield told


def _stages(change: Change, before: Document, execution: Document) -> Iterator[Announcement]:
    for name, stage in execution["stages"].items():
        earlier = before["stages"].get(name, {}).get("status")
        if earlier != stage["status"]:
            detail = {"stage": name, "state": _state(earlier, stage["status"])}
            yield _about(change, "Stage", execution, detail)


def _action(change: Change) -> Iterator[Announcement]:
    if not change.turned("status") or change.after is None:
        return
    action, declared = change.after, change.after["declared"]
    execution = change.store.table("codepipeline/execution").get(change.key.rpartition("/")[0])
    if execution is None:
        return
    detail: Document = {
        "stage": action["stage"],
        "action": declared["name"],
        "action-execution-id": action["id"],
        "state": _STATES.get(action["status"], action["status"].upper()),
        "region": change.region,
        "type": {
            name: declared["actionTypeId"][name]
            for name in ("owner", "category", "provider", "version")
        },
        "start-time": _instant(action["started"]),
    }
    detail |= _artifacts("input-artifacts", action.get("consumed"))
    if action["status"] != "InProgress":
        detail |= _artifacts("output-artifacts", action.get("produced"))
        detail["execution-result"] = _result(action)
    yield _about(change, "Action", execution, detail)


#: By kind of document.
NOTICES: dict[str, Notice] = {
    "codepipeline/execution": _execution,
    "codepipeline/action": _action,
}


def _about(change: Change, what: str, execution: Document, detail: Document) -> Announcement:
    name = change.key.split("/")[2]
    told: Document = {
        "pipeline": name,
        "execution-id": execution["id"],
        "start-time": _instant(execution["started"]),
        "version": execution["version"],
    }
    arn = f"arn:aws:codepipeline:{change.region}:{change.account_id}:{name}"
    kind = f"CodePipeline {what} Execution State Change"
    return Announcement(_SOURCE, kind, (arn,), told | detail)


def _state(before: str | None, after: str) -> str:
    # Only RetryStageExecution takes a failed or stopped one up again.
    if after == "InProgress" and before in ("Failed", "Stopped"):
        return "RESUMED"
    return _STATES.get(after, after.upper())


def _artifacts(member: str, artifacts: dict[str, dict[str, str]] | None) -> Document:
    listed = [
        {"name": name, "s3location": {"bucket": place["bucket"], "key": place["key"]}}
        for name, place in (artifacts or {}).items()
    ]
    return {member: listed} if listed else {}


def _result(action: Document) -> dict[str, Any]:
    result = {
        "external-execution-id": action.get("external"),
        "external-execution-summary": action.get("summary"),
        "error-code": (action.get("error") or {}).get("code"),
    }
    return {name: value for name, value in result.items() if value}


def _instant(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
