"""What the CodeBuild and CodePipeline tests share: an account with roles, a bucket, projects."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import boto3

from tests.functional.localaws.roles import EVERYTHING, ensure_role, trust

if TYPE_CHECKING:
    from collections.abc import Callable

ASSETS = "555555555555"
BUCKET = "code-world"
CODEBUILD_ROLE = f"arn:aws:iam::{ASSETS}:role/code-world-build"
PIPELINE_ROLE = f"arn:aws:iam::{ASSETS}:role/code-world-pipeline"


class World:
    """One account of a running server."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url

    def client(self, service: str, account: str = ASSETS) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=f"LOCALAWS{account}",
            aws_secret_access_key="local",
            region_name="us-east-1",
        )

    def prepare(self) -> None:
        trusted = trust("codebuild", "codepipeline")
        for name in ("code-world-build", "code-world-pipeline"):
            ensure_role(self.client("iam"), name, trusted, may=EVERYTHING)
        self.client("s3").create_bucket(Bucket=BUCKET)
        self.client("s3").put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )

    def put_source(self, files: dict[str, str], key: str = "source.zip") -> None:
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())

    def create_project(self, name: str, buildspec: str, kind: str = "CODEPIPELINE") -> None:
        self.client("codebuild").create_project(
            name=name,
            source={"type": kind, "buildspec": buildspec},
            artifacts={"type": "CODEPIPELINE" if kind == "CODEPIPELINE" else "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole=CODEBUILD_ROLE,
        )

    def build(self, name: str, **request: Any) -> dict[str, Any]:
        codebuild = self.client("codebuild")
        build_id = codebuild.start_build(projectName=name, **request)["build"]["id"]

        def ended() -> dict[str, Any] | None:
            build = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
            return build if build["buildComplete"] else None

        return until(ended)

    def execution(self, pipeline: str, execution_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until the execution has one of the statuses."""
        codepipeline = self.client("codepipeline")

        def reached() -> dict[str, Any] | None:
            found = codepipeline.get_pipeline_execution(
                pipelineName=pipeline, pipelineExecutionId=execution_id
            )["pipelineExecution"]
            return found if found["status"] in statuses else None

        return until(reached)

    def pending_approval(self, pipeline: str, stage: str) -> dict[str, Any]:
        """Wait until an approval of the stage waits; return its latest attempt."""
        codepipeline = self.client("codepipeline")

        def waits() -> dict[str, Any] | None:
            for state in codepipeline.get_pipeline_state(name=pipeline)["stageStates"]:
                for action in state["actionStates"]:
                    latest = action.get("latestExecution", {})
                    if state["stageName"] == stage and "token" in latest:
                        return latest
            return None

        return until(waits)


def until(probe: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Ask again and again until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = probe()
        if answer is not None:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"no answer within {seconds} s")


def action(name: str, kind: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
    """Declare an action of kind ``Category/Provider``."""
    category, provider = kind.split("/")
    return {
        "name": name,
        "actionTypeId": {
            "category": category,
            "owner": "AWS",
            "provider": provider,
            "version": "1",
        },
        "configuration": configuration,
        **more,
    }


def source_action() -> dict[str, Any]:
    return action(
        "Source",
        "Source/S3",
        {"S3Bucket": BUCKET, "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"},
        outputArtifacts=[{"name": "Code"}],
        namespace="SourceVariables",
    )


def build_action(name: str, project: str, **more: Any) -> dict[str, Any]:
    variables = more.pop("variables", None)
    configuration = {"ProjectName": project}
    if variables is not None:
        pairs = [{"name": key, "value": value} for key, value in variables.items()]
        configuration["EnvironmentVariables"] = json.dumps(pairs)
    inputs = more.pop("inputArtifacts", [{"name": "Code"}])
    return action(name, "Build/CodeBuild", configuration, inputArtifacts=inputs, **more)


def approval_action(name: str = "Approve") -> dict[str, Any]:
    return action(name, "Approval/Manual", {"CustomData": "look at it"})


def pipeline(name: str, stages: dict[str, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "roleArn": PIPELINE_ROLE,
        "artifactStore": {"type": "S3", "location": BUCKET},
        "pipelineType": "V2",
        "stages": [{"name": stage, "actions": actions} for stage, actions in stages.items()],
        **more,
    }
