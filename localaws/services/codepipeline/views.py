"""The stored state as CodePipeline's API shows it. Pure reading; nothing changes here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.services.codepipeline.state import transition

if TYPE_CHECKING:
    from localaws.core.provider import Document
    from localaws.services.codepipeline.state import State


def execution_detail(name: str, execution: Document) -> Document:
    """Return the document of GetPipelineExecution."""
    return {
        "pipelineName": name,
        "pipelineVersion": execution["version"],
        "pipelineExecutionId": execution["id"],
        "status": execution["status"],
        "statusSummary": execution["summary"],
        "artifactRevisions": [
            {
                "name": revision["artifact"],
                "revisionId": revision["id"],
                "revisionSummary": revision["summary"],
                "created": revision["created"],
            }
            for revision in execution["revisions"].values()
        ],
        "variables": [
            {"name": key, "resolvedValue": value} for key, value in execution["variables"].items()
        ],
        "trigger": execution["trigger"],
        "executionMode": execution["declaration"]["executionMode"],
        "executionType": "STANDARD",
    }


def execution_summary(execution: Document) -> Document:
    """Return one entry of ListPipelineExecutions."""
    summary: Document = {
        "pipelineExecutionId": execution["id"],
        "status": execution["status"],
        "statusSummary": execution["summary"],
        "startTime": execution["started"],
        "lastUpdateTime": execution["updated"],
        "sourceRevisions": [
            {"actionName": action, "revisionId": r["id"], "revisionSummary": r["summary"]}
            for action, r in execution["revisions"].items()
        ],
        "trigger": execution["trigger"],
        "executionMode": execution["declaration"]["executionMode"],
        "executionType": "STANDARD",
    }
    if execution["stop"]:
        summary["stopTrigger"] = {"reason": execution["stop"]["reason"]}
    return summary


def action_detail(execution: Document, action: Document) -> Document:
    """Return one entry of ListActionExecutions."""
    declared = action["declared"]
    result: Document = {"externalExecutionSummary": action.get("summary", "")}
    if "external" in action:
        result["externalExecutionId"] = action["external"]
    if action.get("error"):
        result["errorDetails"] = action["error"]
    return {
        "pipelineExecutionId": execution["id"],
        "actionExecutionId": action["id"],
        "pipelineVersion": execution["version"],
        "stageName": action["stage"],
        "actionName": declared["name"],
        "startTime": action["started"],
        "lastUpdateTime": action["updated"],
        "updatedBy": action.get("by", ""),
        "status": action["status"],
        "input": {
            "actionTypeId": declared["actionTypeId"],
            "configuration": declared["configuration"],
            "resolvedConfiguration": action.get("resolved", {}),
            "inputArtifacts": _artifacts(action.get("consumed", {})),
            "namespace": declared.get("namespace", ""),
        },
        "output": {
            "outputArtifacts": _artifacts(action.get("produced", {})),
            "executionResult": result,
            "outputVariables": action.get("variables", {}),
        },
    }


def _artifacts(places: dict[str, Any]) -> list[Document]:
    return [{"name": name, "s3location": place} for name, place in places.items()]


def pipeline_state(state: State, key: str, pipeline: Document) -> Document:
    """Return the document of GetPipelineState."""
    executions = state.executions_of(key)
    stages = pipeline["declaration"]["stages"]
    return {
        "pipelineName": pipeline["declaration"]["name"],
        "pipelineVersion": pipeline["version"],
        "stageStates": [
            _stage_state(state, pipeline, executions, number) for number in range(len(stages))
        ],
        "created": pipeline["created"],
        "updated": pipeline["updated"],
    }


def _stage_state(
    state: State, pipeline: Document, executions: list[tuple[str, Document]], number: int
) -> Document:
    stage = pipeline["declaration"]["stages"][number]
    name = stage["name"]
    entered = [(k, e) for k, e in executions if name in e["stages"]]
    latest = max(entered, key=lambda item: float(item[1]["stages"][name]["entered"]), default=None)
    shown: Document = {
        "stageName": name,
        "inboundExecutions": [
            {"pipelineExecutionId": e["id"], "status": "InProgress"}
            for _, e in executions
            if _waits_before(e, name)
        ],
        "actionStates": [_action_state(state, latest, name, action) for action in stage["actions"]],
    }
    if shown["inboundExecutions"]:
        shown["inboundExecution"] = shown["inboundExecutions"][-1]
    if number:
        shown["inboundTransitionState"] = _transition_state(transition(pipeline, name, "Inbound"))
    if latest is not None:
        record = latest[1]["stages"][name]
        stopping = latest[1]["status"] == "Stopping" and record["status"] == "InProgress"
        shown["latestExecution"] = {
            "pipelineExecutionId": latest[1]["id"],
            "status": "Stopping" if stopping else record["status"],
        }
    return shown


def _waits_before(execution: Document, stage: str) -> bool:
    number = execution["stage"]
    return bool(
        execution["status"] == "InProgress"
        and not execution["inside"]
        and execution["declaration"]["stages"][number]["name"] == stage
    )


def _transition_state(known: Document) -> Document:
    shown = {"enabled": known["enabled"]}
    names = {"by": "lastChangedBy", "at": "lastChangedAt", "reason": "disabledReason"}
    return shown | {names[key]: known[key] for key in names if key in known}


def _action_state(
    state: State, latest: tuple[str, Document] | None, stage: str, declared: Document
) -> Document:
    shown: Document = {"actionName": declared["name"]}
    attempts = latest[1]["stages"][stage]["actions"] if latest is not None else {}
    if latest is None or declared["name"] not in attempts:
        return shown
    action = state.action(latest[0], attempts[declared["name"]])
    shown["latestExecution"] = _latest_attempt(action)
    if revision := action.get("revision"):
        shown["currentRevision"] = {
            "revisionId": revision["id"],
            "revisionChangeId": revision["id"],
            "created": revision["created"],
        }
    return shown


def _latest_attempt(action: Document) -> Document:
    shown: Document = {
        "actionExecutionId": action["id"],
        "status": action["status"],
        "summary": action.get("summary", ""),
        "lastStatusChange": action["updated"],
        "lastUpdatedBy": action.get("by", ""),
    }
    if action["status"] == "InProgress" and "token" in action:
        shown["token"] = action["token"]
    if "external" in action:
        shown["externalExecutionId"] = action["external"]
    if action.get("error"):
        shown["errorDetails"] = action["error"]
    return shown
