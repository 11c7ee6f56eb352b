"""Five accounts ready for a release, and tiny models to release. Standard library models only."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.release import (
    Fleet,
    ReleaseStage,
    codebuild_projects,
    release_pipeline_definition,
    source_bundle,
)
from tests.functional.localaws.roles import EVERYTHING, allow, ensure_role, policy

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

STAGES = {"dev": "222222222222", "staging": "333333333333", "prod": "444444444444"}
ASSETS = "555555555555"
BUCKET = "release-test-artifacts"
GROUP = "release-test"
GROUP_ARN = f"arn:aws:sagemaker:us-east-1:{ASSETS}:model-package-group/{GROUP}"
PROJECTS = {"deploy_project": "release-test-deploy", "smoke_project": "release-test-smoke"}
CODEBUILD_ROLE = f"arn:aws:iam::{ASSETS}:role/release-test-codebuild"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
DEADLINE_SECONDS = 120

# probability = bias + x / 100; anything but {"x": number} is the caller's fault.
INFERENCE = """
import json, pathlib

def model_fn(model_dir):
    return json.loads((pathlib.Path(model_dir) / "model.json").read_text())

def input_fn(body, content_type):
    instances = json.loads(body)["instances"]
    for instance in instances:
        if set(instance) != {"x"}:
            raise ValueError(f"expected the feature x, found {sorted(instance)}")
    return instances

def predict_fn(data, model):
    return [model["bias"] + item["x"] / 100 for item in data]

def output_fn(prediction, accept):
    rows = [{"probability": p, "label": int(p > 0.5)} for p in prediction]
    return json.dumps({"predictions": rows}), "application/json"
"""


@dataclass(frozen=True)
class Package:
    """A registered model, and what a release is told about it."""

    arn: str
    key: str
    sha256: str
    probe_uri: str


class ReleaseWorld:
    """The accounts of a release."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.codepipeline = aws.client("codepipeline", "assets")
        self.registry = aws.client("sagemaker", "assets")
        self.s3 = aws.client("s3", "assets")

    def prepare(self) -> None:
        self._role("assets", "release-test-codebuild", {"Service": "codebuild.amazonaws.com"})
        self._role("assets", "release-test-codepipeline", {"Service": "codepipeline.amazonaws.com"})
        for stage in STAGES:
            self._role(stage, "release-test-deploy", {"AWS": CODEBUILD_ROLE}, external_id=True)
            self._role(stage, "release-test-sagemaker", {"Service": "sagemaker.amazonaws.com"})
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_object(Bucket=BUCKET, Key="source.zip", Body=source_bundle())
        self.registry.create_model_package_group(ModelPackageGroupName=GROUP)
        self._open_registry()
        self._open_bucket()
        for project in codebuild_projects(role_arn=CODEBUILD_ROLE, **PROJECTS):
            self.aws.client("codebuild", "assets").create_project(**project)

    def create_pipeline(self, name: str) -> None:
        stages = [
            ReleaseStage(
                stage,
                account,
                f"arn:aws:iam::{account}:role/release-test-sagemaker",
                f"arn:aws:iam::{account}:role/release-test-deploy",
            )
            for stage, account in STAGES.items()
        ]
        self.codepipeline.create_pipeline(
            pipeline=release_pipeline_definition(
                name=name,
                role_arn=f"arn:aws:iam::{ASSETS}:role/release-test-codepipeline",
                artifact_bucket=BUCKET,
                source_key="source.zip",
                stages=stages,
                fleet=Fleet("ml.m5.large"),
                **PROJECTS,
            )
        )

    def register(
        self, bias: float, *, approved: bool = True, probed: float | None = None,
        inference: str = INFERENCE,
    ) -> Package:  # fmt: skip
        """Register a model. ``probed`` is the bias that evaluation claims to have seen."""
        model = _tar({"model.json": json.dumps({"bias": bias}), "code/inference.py": inference})
        digest = hashlib.sha256(model).hexdigest()
        key = f"models/{digest}/model.tar.gz"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=model)
        expected = [(bias if probed is None else probed) + x / 100 for x in (1, 2, 3)]
        probe = {
            "content_type": "application/json",
            "instances": [{"x": 1}, {"x": 2}, {"x": 3}],
            "expected": expected,
        }
        probe_key = f"models/{digest}/probe-{expected[0]}.json"
        self.s3.put_object(Bucket=BUCKET, Key=probe_key, Body=json.dumps(probe).encode())
        arn = self.registry.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="Approved" if approved else "PendingManualApproval",
            CustomerMetadataProperties={"model_sha256": digest},
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": IMAGE,
                        "ModelDataUrl": f"s3://{BUCKET}/{key}",
                        "Environment": {
                            "SAGEMAKER_PROGRAM": "inference.py",
                            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        },
                    }
                ],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]
        return Package(arn, key, digest, f"s3://{BUCKET}/{probe_key}")

    def release(
        self, pipeline: str, package: Package, **changed: str
    ) -> tuple[str, dict[str, str]]:
        """Release a package and wait; return the status and the error of each failed action."""
        variables = {
            "ModelPackageArn": package.arn,
            "ModelSha256": package.sha256,
            "PlanDigest": secrets.token_hex(32),
            "EndpointName": pipeline,
            "ProbeUri": package.probe_uri,
        } | changed
        execution_id = self.codepipeline.start_pipeline_execution(
            name=pipeline,
            variables=[{"name": key, "value": value} for key, value in variables.items()],
        )["pipelineExecutionId"]
        return self.wait(pipeline, execution_id), self.errors(pipeline, execution_id)

    def wait(self, pipeline: str, execution_id: str) -> str:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            status = self.codepipeline.get_pipeline_execution(
                pipelineName=pipeline, pipelineExecutionId=execution_id
            )["pipelineExecution"]["status"]
            if status != "InProgress":
                return str(status)
            time.sleep(0.1)
        raise AssertionError(f"{pipeline} was still in progress after {DEADLINE_SECONDS} s")

    def errors(self, pipeline: str, execution_id: str) -> dict[str, str]:
        found = self.codepipeline.list_action_executions(
            pipelineName=pipeline, filter={"pipelineExecutionId": execution_id}
        )["actionExecutionDetails"]
        return {
            f"{action['stageName']}/{action['actionName']}": action["output"]["executionResult"][
                "errorDetails"
            ]["message"]
            for action in found
            if action["status"] == "Failed"
        }

    def ask(self, stage: str, endpoint: str, x: float) -> float:
        answer = self.aws.client("sagemaker-runtime", stage).invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps({"instances": [{"x": x}]}).encode(),
        )
        return float(json.loads(answer["Body"].read())["predictions"][0]["probability"])

    def tags(self, stage: str, endpoint: str) -> dict[str, str]:
        sagemaker = self.aws.client("sagemaker", stage)
        arn = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
        return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    def _role(
        self, account: str, name: str, principal: dict[str, Any], *, external_id: bool = False
    ) -> None:
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:AssumeRole",
        }
        if external_id:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": "perennial"}}
        ensure_role(self.aws.client("iam", account), name, statement, may=EVERYTHING)

    def _open_bucket(self) -> None:
        serving = [f"arn:aws:iam::{id_}:root" for id_ in STAGES.values()]
        everything = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
        grant = allow(["s3:GetObject", "s3:ListBucket"], everything, Principal={"AWS": serving})
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(grant))

    def _open_registry(self) -> None:
        packages = f"arn:aws:sagemaker:us-east-1:{ASSETS}:model-package/{GROUP}/*"
        self.registry.put_model_package_group_policy(
            ModelPackageGroupName=GROUP,
            ResourcePolicy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "stages",
                            "Effect": "Allow",
                            "Principal": {
                                "AWS": [f"arn:aws:iam::{id_}:root" for id_ in STAGES.values()]
                            },
                            "Action": ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"],
                            "Resource": [packages],
                        }
                    ],
                }
            ),
        )


def _tar(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()
