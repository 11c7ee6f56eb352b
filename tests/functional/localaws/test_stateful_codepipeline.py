"""CodePipeline's executions against a small model of what AWS documents of SUPERSEDED mode.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html: a stage
holds one execution; one that waits before it is superseded by a newer one, one inside is not.
https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-action-add.html: a rejection
fails the execution.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_RetryStageExecution.html: the
latest execution of a stage may be retried once it failed or was stopped, and nothing else.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StopPipelineExecution.html: an
abandoned execution is Stopped, and its stage is free.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.functional.localaws.code_world import (
    World,
    approval_action,
    pipeline,
    source_action,
    until,
)

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

STAGE = "Gate"


class Executions(RuleBasedStateMachine):
    """Model: who is in the stage, who waits before it, and how the others ended."""

    world: World

    @initialize()
    def create(self) -> None:
        self.client = self.world.client("codepipeline")
        self.name = f"stateful-{uuid.uuid4().hex[:8]}"
        stages = {"Source": [source_action()], STAGE: [approval_action()]}
        self.client.create_pipeline(pipeline=pipeline(self.name, stages))
        self.inside: str | None = None
        self.waiting: str | None = None
        self.latest: str | None = None
        self.held = False
        self.ended: dict[str, str] = {}
        self.spent: list[str] = []
        self.ready = True

    @rule()
    def start(self) -> None:
        started = self.client.start_pipeline_execution(name=self.name)["pipelineExecutionId"]
        if self.waiting:
            self.ended[self.waiting] = "Superseded"
        self.waiting = started
        self._enter()

    @precondition(lambda self: self.inside)
    @rule(status=st.sampled_from(["Approved", "Rejected"]))
    def decide(self, status: str) -> None:
        token = self._token()
        self._answer(token, status)
        self.spent.append(token)
        assert self.inside is not None
        self.ended[self.inside] = "Succeeded" if status == "Approved" else "Failed"
        self._await(self.inside)
        self._free()

    @precondition(lambda self: self.inside and self.spent)
    @rule()
    def decide_with_a_token_of_the_past(self) -> None:
        try:
            self._answer(self.spent[-1], "Approved")
        except ClientError as error:
            code = error.response["Error"]["Code"]
        else:
            code = "none: a spent token was taken"
        assert code in {"InvalidApprovalTokenException", "ApprovalAlreadyCompletedException"}

    @precondition(lambda self: self.inside or self.waiting)
    @rule()
    def abandon(self) -> None:
        execution = self.waiting or self.inside
        assert execution is not None
        self.client.stop_pipeline_execution(
            pipelineName=self.name, pipelineExecutionId=execution, abandon=True
        )
        self.ended[execution] = "Stopped"
        self._await(execution)
        if execution == self.waiting:
            self.waiting = None
        else:
            self._free()

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def retry(self, data: Any) -> None:
        execution = data.draw(st.sampled_from(sorted(self.ended)))
        request = {
            "pipelineName": self.name, "stageName": STAGE, "retryMode": "FAILED_ACTIONS",
            "pipelineExecutionId": execution,
        }  # fmt: skip
        ended = self.ended[execution] in {"Failed", "Stopped"}
        may = ended and execution == self.latest and not self.inside
        try:
            self.client.retry_stage_execution(**request)
        except ClientError:
            assert not may
        else:
            assert may, self.ended[execution]
            del self.ended[execution]
            self.inside = execution

    @rule(held=st.booleans())
    def hold_the_transition(self, *, held: bool) -> None:
        where = {"pipelineName": self.name, "stageName": STAGE, "transitionType": "Inbound"}
        if held:
            self.client.disable_stage_transition(**where, reason="held")
        else:
            self.client.enable_stage_transition(**where)
        self.held = held
        self._enter()

    @invariant()
    def executions_stand_as_modelled(self) -> None:
        if not getattr(self, "ready", False):
            return
        for execution in self.ended:
            self._await(execution)
        for execution in filter(None, (self.inside, self.waiting)):
            assert self._status(execution) == "InProgress"
        if self.inside:
            self._token()
        if self.waiting:
            until(lambda: self._inbound() == self.waiting or None)

    def _free(self) -> None:
        self.inside = None
        self._enter()

    def _enter(self) -> None:
        if self.waiting and not self.inside and not self.held:
            self.inside, self.waiting = self.waiting, None
            self.latest = self.inside

    def _status(self, execution: str) -> str:
        found = self.client.get_pipeline_execution(
            pipelineName=self.name, pipelineExecutionId=execution
        )
        return str(found["pipelineExecution"]["status"])

    def _await(self, execution: str) -> None:
        until(lambda: self._status(execution) == self.ended[execution] or None, 20)

    def _stage(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_pipeline_state(name=self.name)["stageStates"][1]
        return found

    def _inbound(self) -> str | None:
        return self._stage().get("inboundExecution", {}).get("pipelineExecutionId")

    def _token(self) -> str:
        def waits() -> str | None:
            stage = self._stage()
            latest = stage.get("latestExecution", {}).get("pipelineExecutionId")
            action = stage["actionStates"][0].get("latestExecution", {})
            return action.get("token") if latest == self.inside else None

        return str(until(waits, 20))

    def _answer(self, token: str, status: str) -> None:
        self.client.put_approval_result(
            pipelineName=self.name, stageName=STAGE, actionName="Approve", token=token,
            result={"summary": "seen", "status": status},
        )  # fmt: skip


def test_executions_do_as_documented(aws: EmbeddedAws) -> None:
    world = World(aws.endpoint_url)
    world.prepare()
    world.put_source({"a": "b"})
    Executions.world = world
    run_state_machine_as_test(
        Executions,
        settings=settings(
            max_examples=8,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
