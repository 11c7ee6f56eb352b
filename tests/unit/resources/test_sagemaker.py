"""Pipelines are updated only when their inputs changed, and waiting tells each step once."""
# ruff: noqa: N803 - the fakes take boto3\'s own parameter names

from datetime import UTC, datetime, timedelta

import pytest

from resources.errors import Transient
from resources.model_registry import ModelRegistry, metadata_text
from resources.sagemaker import TrainingPipelines
from tests.unit.resources.fakes import FakeTime, refusal

ARN = "arn:aws:sagemaker:us-east-1:111111111111:pipeline/p"
T = datetime(2026, 1, 1, tzinfo=UTC)


class FakePipelines:
    """One pipeline with tags; ``dies`` makes the next update fail after it took effect."""

    def __init__(self) -> None:
        self.definition: str | None = None
        self.tags: dict[str, str] = {}
        self.updates = 0
        self.dies = False

    def describe_pipeline(self, **_):
        if self.definition is None:
            raise refusal("ResourceNotFound")
        return {"PipelineArn": ARN}

    def create_pipeline(self, *, PipelineDefinition, Tags, **_):
        self.definition, self.updates = PipelineDefinition, self.updates + 1
        self.add_tags(Tags=Tags)

    def update_pipeline(self, *, PipelineDefinition, **_):
        self.definition, self.updates = PipelineDefinition, self.updates + 1
        if self.dies:
            raise refusal("InternalFailure", status=500)

    def list_tags(self, **_):
        return {"Tags": [{"Key": k, "Value": v} for k, v in self.tags.items()]}

    def add_tags(self, *, Tags, **_):
        self.tags |= {each["Key"]: each["Value"] for each in Tags}


def test_a_pipeline_is_upserted_only_when_its_inputs_changed():
    client = FakePipelines()
    pipelines = TrainingPipelines(client)
    assert pipelines.upsert("p", "A", "role", inputs_sha256="a")
    assert not pipelines.upsert("p", "A", "role", inputs_sha256="a")
    assert pipelines.upsert("p", "B", "role", inputs_sha256="b")
    assert pipelines.current_inputs_sha256("p") == "b"
    assert client.updates == 2


def test_a_crash_between_update_and_tag_never_leaves_a_lie():
    client = FakePipelines()
    pipelines = TrainingPipelines(client)
    pipelines.upsert("p", "A", "role", inputs_sha256="a")
    client.dies = True
    with pytest.raises(Transient):
        pipelines.upsert("p", "B", "role", inputs_sha256="b")
    client.dies = False
    assert pipelines.current_inputs_sha256("p") is None
    assert pipelines.upsert("p", "A", "role", inputs_sha256="a")
    assert client.definition == "A"


class FakeExecution:
    """An execution that advances each time it is looked at."""

    def __init__(self, *looks: tuple[str, dict[str, str]]) -> None:
        self.looks = list(looks)

    def describe_pipeline_execution(self, **_):
        self.now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {
            "PipelineExecutionStatus": self.now[0],
            "CreationTime": T,
            "LastModifiedTime": T,
            "FailureReason": "",
        }

    def list_pipeline_execution_steps(self, **_):
        steps = [{"StepName": n, "StepStatus": s} for n, s in self.now[1].items()]
        return {"PipelineExecutionSteps": steps}


def test_waiting_tells_each_change_of_each_step_once():
    client = FakeExecution(
        ("Executing", {}),
        ("Executing", {"Validate": "Executing"}),
        ("Executing", {"Validate": "Executing"}),
        ("Executing", {"Validate": "Succeeded", "Prepare": "Executing"}),
        ("CompletedWithFailures", {"Validate": "Succeeded", "Prepare": "Failed"}),
    )
    told, time = [], FakeTime()
    pipelines = TrainingPipelines(client, sleep=time.sleep, clock=time.clock)
    facts = pipelines.wait("arn", lambda step: told.append((step.name, step.status)))
    assert told == [
        ("Validate", "Executing"),
        ("Validate", "Succeeded"),
        ("Prepare", "Executing"),
        ("Prepare", "Failed"),
    ]
    assert not facts.succeeded
    assert facts.ended_at == T


def test_waiting_ends_at_its_deadline_and_leaves_the_execution_running():
    time = FakeTime()
    pipelines = TrainingPipelines(
        FakeExecution(("Executing", {})), sleep=time.sleep, clock=time.clock
    )
    with pytest.raises(Transient, match="still runs after 0:01:00"):
        pipelines.wait("arn", lambda _: None, deadline=timedelta(minutes=1))
    assert max(time.slept) == 5.0


class FakePackage:
    """A model package that drops a repeated token, as AWS may."""

    def __init__(self) -> None:
        self.package = {
            "ModelPackageArn": "a",
            "ModelPackageVersion": 1,
            "ModelApprovalStatus": "PendingManualApproval",
            "CreationTime": T,
        }
        self.tokens: set[str] = set()
        self.edits = 0

    def describe_model_package(self, **_):
        return {**self.package, "LastModifiedTime": self.edits}

    def update_model_package(self, *, ClientToken, ModelPackageArn, **change):
        assert len(ClientToken) <= 36
        if ClientToken in self.tokens:
            return
        self.tokens.add(ClientToken)
        self.edits += 1
        metadata = change.pop("CustomerMetadataProperties", {})
        self.package |= change
        have = self.package.get("CustomerMetadataProperties", {})
        self.package["CustomerMetadataProperties"] = have | metadata


def test_approving_rejecting_and_approving_again_are_three_changes():
    client = FakePackage()
    registry = ModelRegistry(client, "arn:aws:sagemaker:r:1:model-package-group/g")
    assert registry.approve("a", "policy", "gates passed")
    assert not registry.approve("a", "policy", "gates passed")
    assert registry.reject("a", "ada", "worse on holidays")
    assert registry.approve("a", "policy", "gates passed")
    facts = registry.describe("a")
    assert facts.approval == "Approved"
    assert facts.metadata == {"approved_by": "policy", "rejected_by": "ada"}
    assert facts.approval_description == "policy: gates passed"


def test_metadata_is_made_to_fit_sagemakers_pattern():
    assert metadata_text("failed: auc < 0.7, (too low)") == "failed: auc   0.7   too low"
    assert len(metadata_text("x" * 999)) == 256
    assert metadata_text("") == "-"
