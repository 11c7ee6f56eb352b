"""SageMaker Pipelines that train. Compiling definitions and serving models is elsewhere.

Everything is describe-or-create: a re-run after a crash finds what the first run started.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from resources.errors import Transient, call, find
from resources.polling import intervals
from resources.tokens import token_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from resources.polling import Clock, Sleep

_INPUTS_TAG = "perennial:inputs-sha256"
_UPDATING = "updating"
_RUNNING = frozenset({"Executing", "Stopping"})


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """One execution of a SageMaker Pipeline."""

    arn: str
    status: str
    failure_reason: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def succeeded(self) -> bool:
        """Say whether it ended well."""
        return self.status == "Succeeded"


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step of an execution; ``metadata`` is SageMaker's, by kind (``TrainingJob``, ...)."""

    name: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    failure_reason: str
    metadata: Mapping[str, Any] = field(hash=False)


class TrainingPipelines:
    """The SageMaker Pipelines of one account.

    Args:
        client: A ``sagemaker`` client.
        sleep: Waits some seconds; tests pass their own.
        clock: Monotonic seconds; tests pass their own.
    """

    def __init__(
        self, client: Any, *, sleep: Sleep = time.sleep, clock: Clock = time.monotonic
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._clock = clock

    def current_inputs_sha256(self, name: str) -> str | None:
        """Return the digest of what the stored definition was compiled from, or None.

        Equal digests make compiling again unnecessary, and with it importing the SageMaker SDK.
        """
        pipeline = find(self._client.describe_pipeline, PipelineName=name)
        if pipeline is None:
            return None
        tags = self._tags(pipeline["PipelineArn"])
        stored = tags.get(_INPUTS_TAG)
        return None if stored == _UPDATING else stored

    def upsert(self, name: str, definition_json: str, role_arn: str, *, inputs_sha256: str) -> bool:
        """Create the pipeline, or update it if its inputs changed; say whether it changed.

        The tag is marked before the update and set after it, so that a crash in between can
        never leave an old definition under a new digest.
        """
        if self.current_inputs_sha256(name) == inputs_sha256:
            return False
        described = find(self._client.describe_pipeline, PipelineName=name)
        if described is None:
            call(
                self._client.create_pipeline,
                PipelineName=name,
                PipelineDefinition=definition_json,
                RoleArn=role_arn,
                ClientRequestToken=token_for(f"create pipeline {name}", inputs_sha256),
                Tags=[{"Key": _INPUTS_TAG, "Value": inputs_sha256}],
            )
            return True
        arn = described["PipelineArn"]
        self._tag(arn, _UPDATING)
        call(
            self._client.update_pipeline,
            PipelineName=name,
            PipelineDefinition=definition_json,
            RoleArn=role_arn,
        )
        self._tag(arn, inputs_sha256)
        return True

    def start(
        self, name: str, parameters: Mapping[str, str], intent: str, display_name: str
    ) -> str:
        """Start an execution, or return the one this intent started before; its ARN.

        Args:
            name: The pipeline.
            parameters: Values of its parameters. The same intent must give the same ones.
            intent: What this execution is for.
            display_name: Shown in SageMaker Studio; letters, digits and dashes.

        Raises:
            Missing: There is no such pipeline.
            Terminal: A parameter is unknown, or the intent was used with other parameters.
        """
        answer = call(
            self._client.start_pipeline_execution,
            PipelineName=name,
            PipelineParameters=[
                {"Name": key, "Value": value} for key, value in sorted(parameters.items())
            ],
            PipelineExecutionDisplayName=display_name,
            ClientRequestToken=token_for(intent),
        )
        return str(answer["PipelineExecutionArn"])

    def named(self, name: str, prefix: str) -> dict[str, str]:
        """Return the executions whose display name starts with ``prefix``: ARN by display name.

        Raises:
            Missing: There is no such pipeline.
        """
        request = {"PipelineName": name, "SortBy": "CreationTime", "SortOrder": "Descending"}
        found: dict[str, str] = {}
        while True:
            page = call(self._client.list_pipeline_executions, **request)
            for each in page["PipelineExecutionSummaries"]:
                display = each.get("PipelineExecutionDisplayName", "")
                if display.startswith(prefix):
                    found[display] = each["PipelineExecutionArn"]
            if not page.get("NextToken"):
                return found
            request["NextToken"] = page["NextToken"]

    def describe(self, arn: str) -> ExecutionFacts:
        """Return an execution's facts.

        Raises:
            Missing: There is no such execution.
        """
        answer = call(self._client.describe_pipeline_execution, PipelineExecutionArn=arn)
        status = answer["PipelineExecutionStatus"]
        return ExecutionFacts(
            arn=arn,
            status=status,
            failure_reason=answer.get("FailureReason", ""),
            started_at=answer["CreationTime"],
            ended_at=None if status in _RUNNING else answer.get("LastModifiedTime"),
        )

    def steps(self, arn: str) -> tuple[StepFacts, ...]:
        """Return the steps that started so far, in order of their start."""
        request = {"PipelineExecutionArn": arn, "SortOrder": "Ascending"}
        steps: list[StepFacts] = []
        while True:
            page = call(self._client.list_pipeline_execution_steps, **request)
            steps += [_step_of(each) for each in page["PipelineExecutionSteps"]]
            if not page.get("NextToken"):
                return tuple(steps)
            request["NextToken"] = page["NextToken"]

    def wait(
        self,
        arn: str,
        on_step: Callable[[StepFacts], None],
        *,
        poll_seconds: float = 5.0,
        deadline: timedelta = timedelta(hours=12),
    ) -> ExecutionFacts:
        """Wait for an execution to end, whichever way, calling ``on_step`` at each step's change.

        Looks again after 0.15 s at first and at most every ``poll_seconds``, starting over whenever
        something happened. The execution is left running if the deadline passes.

        Raises:
            Transient: The deadline passed; waiting again re-attaches.
        """
        seen: dict[str, str] = {}
        end = self._clock() + deadline.total_seconds()
        pauses = intervals(0.15, poll_seconds)
        while True:
            facts = self.describe(arn)  # before the steps, so that the last ones are never missed
            changed = [step for step in self.steps(arn) if seen.get(step.name) != step.status]
            for step in changed:
                seen[step.name] = step.status
                on_step(step)
            if facts.status not in _RUNNING:
                return facts
            if self._clock() >= end:
                raise Transient(f"{arn} still runs after {deadline}; wait again, or stop it.")
            pauses = intervals(0.15, poll_seconds) if changed else pauses
            self._sleep(next(pauses))

    def stop(self, arn: str) -> None:
        """Ask an execution to stop; stopping one that ended changes nothing."""
        if self.describe(arn).status not in _RUNNING:
            return
        call(
            self._client.stop_pipeline_execution,
            PipelineExecutionArn=arn,
            ClientRequestToken=token_for(f"stop {arn}"),
        )

    def _tags(self, arn: str) -> dict[str, str]:
        answer = call(self._client.list_tags, ResourceArn=arn)
        return {each["Key"]: each["Value"] for each in answer.get("Tags", [])}

    def _tag(self, arn: str, value: str) -> None:
        tags = [{"Key": _INPUTS_TAG, "Value": value}]
        call(self._client.add_tags, ResourceArn=arn, Tags=tags)


def _step_of(step: dict[str, Any]) -> StepFacts:
    return StepFacts(
        name=step["StepName"],
        status=step["StepStatus"],
        started_at=step.get("StartTime"),
        ended_at=step.get("EndTime"),
        failure_reason=step.get("FailureReason", ""),
        metadata=step.get("Metadata", {}),
    )
