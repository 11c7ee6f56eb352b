"""SageMaker pipeline executions against a small model of what AWS documents of them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StartPipelineExecution.html and
API_StopPipelineExecution.html, API_RetryPipelineExecution.html beside it: a token starts one
execution; a stop passes through Stopping to Stopped; what has ended cannot be stopped; only what
failed or was stopped can be retried.
https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps.html: a Fail step fails the
execution, a Condition step takes one of its branches.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.functional.localaws.sagemaker_world import CLUSTER, IMAGE, ROLE, World, unique, until

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

MODES = ("pass", "fail", "hang")
ENDS = {"pass": "Succeeded", "fail": "Failed"}
MODE = {"Get": "Parameters.Mode"}


def _condition(name: str, value: str, then: list[Any], otherwise: list[Any]) -> dict[str, Any]:
    equals = {"Type": "Equals", "LeftValue": MODE, "RightValue": value}
    arguments = {"Conditions": [equals], "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def _definition() -> str:
    hang = {
        "Name": "Hang",
        "Type": "Processing",
        "Arguments": {
            "RoleArn": ROLE,
            "ProcessingResources": CLUSTER,
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["sleep", "300"]},
        },
    }
    fail = {"Name": "Fail", "Type": "Fail", "Arguments": {"ErrorMessage": "as asked"}}
    inner = _condition("DoesItFail", "fail", [fail], [])
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [{"Name": "Mode", "Type": "String", "DefaultValue": "pass"}],
            "Steps": [_condition("DoesItHang", "hang", [hang], [inner])],
        }
    )


class PipelineExecutions(RuleBasedStateMachine):
    """Model: by execution, its mode and the status it settles in."""

    world: World
    executions: Bundle[str] = Bundle("executions")

    @initialize()
    def create(self) -> None:
        self.sagemaker = self.world.sagemaker
        self.name = unique("stateful")
        self.sagemaker.create_pipeline(
            PipelineName=self.name,
            PipelineDefinition=_definition(),
            RoleArn=ROLE,
            ClientRequestToken=unique("t" * 32),
        )
        self.model: dict[str, tuple[str, str]] = {}
        self.tokens: dict[str, tuple[str, str]] = {}

    @rule(target=executions, mode=st.sampled_from(MODES), token=st.sampled_from("xyz"))
    def start(self, mode: str, token: str) -> str:
        request = {
            "PipelineName": self.name,
            "ClientRequestToken": token * 32,
            "PipelineParameters": [{"Name": "Mode", "Value": mode}],
        }
        known = self.tokens.get(token)
        if known and known[0] != mode:
            assert _code(self.sagemaker.start_pipeline_execution, **request) == "ConflictException"
            return known[1]
        arn = self.sagemaker.start_pipeline_execution(**request)["PipelineExecutionArn"]
        if known:
            assert arn == known[1]
        else:
            assert arn not in self.model
            self.tokens[token] = (mode, arn)
            self.model[arn] = (mode, ENDS.get(mode, "Executing"))
        return str(arn)

    @rule(execution=executions)
    def stop(self, execution: str) -> None:
        mode, status = self._settled(execution)
        request = {"PipelineExecutionArn": execution, "ClientRequestToken": unique("s" * 32)}
        if status != "Executing":
            assert _code(self.sagemaker.stop_pipeline_execution, **request) is not None
            return
        self.sagemaker.stop_pipeline_execution(**request)
        assert self._status(execution) in {"Stopping", "Stopped"}
        self.model[execution] = (mode, "Stopped")

    @rule(execution=executions)
    def retry(self, execution: str) -> None:
        mode, status = self._settled(execution)
        request = {"PipelineExecutionArn": execution, "ClientRequestToken": unique("r" * 32)}
        if status not in {"Failed", "Stopped"}:
            assert _code(self.sagemaker.retry_pipeline_execution, **request) is not None
            return
        self.sagemaker.retry_pipeline_execution(**request)
        self.model[execution] = (mode, ENDS.get(mode, "Executing"))

    @invariant()
    def each_execution_is_listed_once_and_settles_as_modelled(self) -> None:
        if not hasattr(self, "model"):
            return
        listed = self.sagemaker.list_pipeline_executions(PipelineName=self.name)
        arns = [each["PipelineExecutionArn"] for each in listed["PipelineExecutionSummaries"]]
        assert sorted(arns) == sorted(self.model)
        for execution in self.model:
            self._settled(execution)

    def teardown(self) -> None:
        for execution, (_, status) in getattr(self, "model", {}).items():
            if status == "Executing":
                self.sagemaker.stop_pipeline_execution(
                    PipelineExecutionArn=execution, ClientRequestToken=unique("e" * 32)
                )

    def _status(self, execution: str) -> str:
        found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        return str(found["PipelineExecutionStatus"])

    def _settled(self, execution: str) -> tuple[str, str]:
        expected = self.model[execution][1]
        passing = {"Executing", "Stopping"} - {expected}
        status = until(lambda: self._status(execution), lambda found: found not in passing)
        assert status == expected
        return self.model[execution]


def _code(ask: Any, **request: Any) -> str | None:
    try:
        ask(**request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def test_pipeline_executions_do_as_documented(aws: EmbeddedAws) -> None:
    PipelineExecutions.world = World(aws)
    run_state_machine_as_test(
        PipelineExecutions,
        settings=settings(
            max_examples=8,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
