"""Operations that change an execution's course: approve or reject, stop, retry a stage.

Each checks that the intervention still fits what is happening now, changes the state under the
engine's lock, and lets the engine go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.codepipeline.actions import Outcome, failed
from localaws.services.codepipeline.definitions import find_stage
from localaws.services.codepipeline.state import IN_FLIGHT, current_stage

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.codepipeline.engine import Engine
    from localaws.services.codepipeline.state import State


class InterventionOperations:
    """CodePipeline's operations on executions that are under way or failed."""

    context: ServerContext
    state: State
    engine: Engine

    def put_approval_result(self, call: Call, request: Document) -> Document:
        """Answer the approval that this very token was handed out for."""
        key, pipeline = self.state.pipeline(call, request["pipelineName"])
        stage = find_stage(pipeline["declaration"], request["stageName"])
        if request["actionName"] not in {action["name"] for action in stage["actions"]}:
            raise ServiceError(
                "ActionNotFoundException",
                f"Stage {request['stageName']} has no action '{request['actionName']}'",
            )
        with self.engine.lock:
            action_key = self._by_approval_token(key, request)
            summary = request["result"]["summary"]
            outcome = Outcome("Succeeded", summary=summary, by=call.principal_arn)
            if request["result"]["status"] == "Rejected":
                why = summary or "no reason was given"
                refusal = failed("JobFailed", f"Rejected by {call.principal_arn}: {why}")
                outcome = Outcome(
                    "Failed", summary=summary, error=refusal.error, by=call.principal_arn
                )
            self.engine.finish_action(action_key, outcome)
        return {"approvedAt": self.context.now()}

    def _by_approval_token(self, key: str, request: Document) -> str:
        for action_key, action in self.state.actions_of(key):
            if action.get("token") != request["token"]:
                continue
            place = (action["stage"], action["declared"]["name"])
            if place != (request["stageName"], request["actionName"]):
                break
            if action["status"] != "InProgress":
                raise ServiceError(
                    "ApprovalAlreadyCompletedException",
                    f"The approval {request['actionName']} is {action['status']} already",
                )
            return action_key
        raise ServiceError(
            "InvalidApprovalTokenException",
            f"The token is not that of the approval {request['actionName']} that waits now",
        )

    def stop_pipeline_execution(self, call: Call, request: Document) -> Document:
        """Stop after the actions in progress, or abandon them."""
        with self.engine.lock:
            pipeline, _ = self.state.pipeline(call, request["pipelineName"])
            key, execution = self.state.execution(pipeline, request["pipelineExecutionId"])
            abandon = bool(request.get("abandon", False))
            _check_stoppable(execution, abandon=abandon)
            execution["status"] = "Stopping"
            execution["stop"] = {"reason": request.get("reason", ""), "abandon": abandon}
            execution["summary"] = request.get("reason", "")
            self.state.executions.put(key, execution)
            if abandon:
                self._abandon(key, execution)
        self.engine.advance(pipeline)
        return {"pipelineExecutionId": execution["id"]}

    def _abandon(self, key: str, execution: Document) -> None:
        # What an action started elsewhere goes on, as on AWS; only nobody waits for it any more.
        attempts = execution["stages"].get(current_stage(execution)["name"], {}).get("actions", {})
        for action_id in attempts.values():
            if self.state.action(key, action_id)["status"] == "InProgress":
                change = Outcome("Abandoned", summary="The execution was stopped")
                self.engine.finish_action(f"{key}/{action_id}", change)

    def retry_stage_execution(self, call: Call, request: Document) -> Document:
        """Run a failed stage again: what failed in it, or all of it."""
        with self.engine.lock:
            pipeline, document = self.state.pipeline(call, request["pipelineName"])
            find_stage(document["declaration"], request["stageName"])
            key, execution = self.state.execution(pipeline, request["pipelineExecutionId"])
            self._check_retryable(pipeline, document, execution, request["stageName"])
            record = execution["stages"][request["stageName"]]
            record["status"] = "InProgress"
            record["actions"] = {
                name: action_id
                for name, action_id in record["actions"].items()
                if request["retryMode"] == "FAILED_ACTIONS"
                and self.state.action(key, action_id)["status"] == "Succeeded"
            }
            execution |= {"status": "InProgress", "inside": True, "stop": None, "summary": ""}
            self.state.executions.put(key, execution)
        self.engine.advance(pipeline)
        return {"pipelineExecutionId": execution["id"]}

    def _check_retryable(
        self, pipeline: str, document: Document, execution: Document, stage: str
    ) -> None:
        record = execution["stages"].get(stage)
        if (
            record is None
            or record["status"] not in ("Failed", "Stopped")
            or execution["status"] in IN_FLIGHT
        ):
            raise ServiceError(
                "StageNotRetryableException",
                f"Stage {stage} of execution {execution['id']} has not failed",
            )
        if execution["version"] != document["version"]:
            raise ServiceError(
                "StageNotRetryableException",
                "The pipeline's definition changed since; start a new execution",
            )
        for _, other in self.state.executions_of(pipeline):
            entered = other["stages"].get(stage, {}).get("entered", 0.0)
            if other["id"] != execution["id"] and entered > record["entered"]:
                raise ServiceError(
                    "NotLatestPipelineExecutionException",
                    f"Execution {other['id']} has entered stage {stage} since",
                )


def _check_stoppable(execution: Document, *, abandon: bool) -> None:
    if execution["status"] not in IN_FLIGHT:
        raise ServiceError(
            "PipelineExecutionNotStoppableException",
            f"Execution {execution['id']} is {execution['status']}",
        )
    if execution["status"] == "Stopping" and (execution["stop"]["abandon"] or not abandon):
        raise ServiceError(
            "DuplicatedStopRequestException", f"Execution {execution['id']} is stopping already"
        )
