"""Operations on executions: start them, look at them, list what they did.

Changing the course of an execution belongs to ``interventions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.tokens import ClientToken, TokenRule
from localaws.services.codepipeline import paging, variables, views

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.codepipeline.engine import Engine
    from localaws.services.codepipeline.state import State

_START = TokenRule("clientRequestToken", "ValidationException")
_OVERRIDES = ("S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY")


class ExecutionOperations:
    """CodePipeline's operations that start and show executions."""

    context: ServerContext
    state: State
    engine: Engine

    def start_pipeline_execution(self, call: Call, request: Document) -> Document:
        """Start an execution, or return the one that the same token started."""
        with self.engine.lock:
            key, pipeline = self.state.pipeline(call, request["name"])
            # A pipeline of the same name that was made anew knows none of the old one's tokens.
            scope = f"{request['name']}/{pipeline['created']}"
            token = ClientToken(self.context, call, request, _START, scope)
            answer = token.answer()
            if answer is None:
                execution = self._prepared(call, pipeline, request)
                answer, _ = token.once(lambda: self._begun(key, pipeline, execution))
        self.engine.advance(key)
        return answer

    def get_pipeline_execution(self, call: Call, request: Document) -> Document:
        """Return one execution with its variables."""
        key, _ = self.state.pipeline(call, request["pipelineName"])
        _, execution = self.state.execution(key, request["pipelineExecutionId"])
        return {"pipelineExecution": views.execution_detail(request["pipelineName"], execution)}

    def get_pipeline_state(self, call: Call, request: Document) -> Document:
        """Return what each stage and action did last, and who waits."""
        with self.engine.lock:
            key, pipeline = self.state.pipeline(call, request["name"])
            return views.pipeline_state(self.state, key, pipeline)

    def list_pipeline_executions(self, call: Call, request: Document) -> Document:
        """Return a page of executions, newest first."""
        key, _ = self.state.pipeline(call, request["pipelineName"])
        wanted = request.get("filter", {}).get("succeededInStage", {}).get("stageName")
        found = [
            views.execution_summary(execution)
            for _, execution in reversed(self.state.executions_of(key))
            if wanted is None or execution["stages"].get(wanted, {}).get("status") == "Succeeded"
        ]
        return paging.page("pipelineExecutionSummaries", found, request, "pipelineExecutionId")

    def list_action_executions(self, call: Call, request: Document) -> Document:
        """Return a page of attempts at actions, newest first."""
        key, _ = self.state.pipeline(call, request["pipelineName"])
        wanted = request.get("filter", {})
        latest = wanted.get("latestInPipelineExecution", {})
        execution_id = wanted.get("pipelineExecutionId") or latest.get("pipelineExecutionId")
        if execution_id is not None:
            self.state.execution(key, execution_id)
        executions = {e["id"]: e for _, e in self.state.executions_of(key)}
        prefix = key if execution_id is None else f"{key}/{execution_id}"
        found = [
            views.action_detail(executions[action_key.split("/")[-2]], action)
            for action_key, action in self.state.actions_of(prefix)
        ]
        found.reverse()
        return paging.page("actionExecutionDetails", found, request, "actionExecutionId")

    def _prepared(self, call: Call, pipeline: Document, request: Document) -> Document:
        declared = pipeline["declaration"]
        return {
            "variables": variables.resolve_declared(
                declared.get("variables", []), request.get("variables", [])
            ),
            "overrides": _overrides(declared, request.get("sourceRevisions", [])),
            "trigger": {
                "triggerType": "StartPipelineExecution",
                "triggerDetail": call.principal_arn,
            },
        }

    def _begun(self, key: str, pipeline: Document, prepared: Document) -> Document:
        execution_key, execution = self.state.new_execution(
            key, pipeline, prepared["variables"], prepared["trigger"]
        )
        execution["overrides"] = prepared["overrides"]
        self.state.executions.put(execution_key, execution)
        return {"pipelineExecutionId": execution["id"]}


def _overrides(declared: Document, revisions: list[Document]) -> dict[str, dict[str, str]]:
    sources = {action["name"]: action for action in declared["stages"][0]["actions"]}
    overrides: dict[str, dict[str, str]] = {}
    for revision in revisions:
        action = sources.get(revision["actionName"])
        kind = revision["revisionType"]
        if action is None or kind not in _OVERRIDES:
            raise ServiceError(
                "ValidationException",
                f"Source revision for {revision['actionName']}: expected a source action of this "
                f"pipeline and one of {', '.join(_OVERRIDES)}",
            )
        allowed = action["configuration"].get("AllowOverrideForS3ObjectKey", "false")
        if kind == "S3_OBJECT_KEY" and allowed != "true":
            raise ServiceError(
                "ValidationException",
                f"Action {action['name']} does not set AllowOverrideForS3ObjectKey",
            )
        overrides.setdefault(action["name"], {})[kind] = revision["revisionValue"]
    return overrides
