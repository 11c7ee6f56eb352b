"""The release pipeline as data: stages, actions, variables, and the CodeBuild projects behind them.

Pure. Creating or starting it belongs to resources; what its actions do to ``bundle/``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEPLOY_PROJECT = "perennial-deploy"
SMOKE_PROJECT = "perennial-smoke"

#: What a start must say. No defaults: a release of nothing in particular must not be startable.
VARIABLES: Mapping[str, str] = {
    "ModelPackageArn": "The approved model package that is to serve.",
    "ModelSha256": "sha256 of its model.tar.gz, as it was judged.",
    "PlanDigest": "Digest of the promotion plan; identifies the release.",
    "EndpointName": "Endpoint, of the same name in every account.",
    "ProbeUri": "s3:// URI of the probe.json that evaluation wrote.",
}

_ARTIFACT = "ReleaseSource"
_IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Capture:
    """What an endpoint keeps of its predictions.

    Attributes:
        uri: ``s3://bucket/prefix`` of the stage's own account; each version has a folder below.
        percent: Of the requests, 0 to 100; 0 captures nothing.
    """

    uri: str
    percent: int


@dataclass(frozen=True, slots=True)
class ReleaseStage:
    """One account on the way.

    Attributes:
        name: ``dev``, ``staging`` or ``prod``; the stage is called ``Dev`` and so on.
        approval: A person must approve before anything in the stage is deployed.
        capture: What of its predictions is kept.
    """

    name: str
    account_id: str
    execution_role_arn: str
    deploy_role_arn: str
    approval: bool = False
    capture: Capture = Capture("none", 0)


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the endpoint runs on."""

    instance_type: str
    instance_count: int = 1


def release_pipeline_definition(  # noqa: PLR0913 - each names one thing of the account it lives in
    *,
    name: str,
    role_arn: str,
    artifact_bucket: str,
    source_key: str,
    stages: Iterable[ReleaseStage],
    fleet: Fleet,
    kms_key_arn: str | None = None,
    deploy_project: str = DEPLOY_PROJECT,
    smoke_project: str = SMOKE_PROJECT,
) -> dict[str, Any]:
    """Return the pipeline as CreatePipeline and UpdatePipeline take it.

    SUPERSEDED, not QUEUED: a release is what should be true now. When a newer plan waits behind
    one that waits too, the older is obsolete, and deploying it first would only delay, or undo for
    a while, what was decided later. Within a stage one execution runs at a time in both modes, and
    a pending approval holds its stage, so nobody's approval is carried over to another plan.

    Args:
        name: For example ``flight-delay-release``.
        role_arn: CodePipeline's role in the assets account.
        artifact_bucket: Versioned bucket of source bundle and artifacts.
        source_key: Where the bundle of ``source_bundle`` lies.
        stages: The accounts, in order.
        fleet: What the endpoints run on.
        kms_key_arn: Key of the artifacts; None leaves it to the bucket's default encryption.
        deploy_project: CodeBuild project that deploys.
        smoke_project: CodeBuild project that asks the endpoint.
    """
    store: dict[str, Any] = {"type": "S3", "location": artifact_bucket}
    if kms_key_arn is not None:
        store["encryptionKey"] = {"id": kms_key_arn, "type": "KMS"}
    return {
        "name": name,
        "roleArn": role_arn,
        "pipelineType": "V2",
        "executionMode": "SUPERSEDED",
        "artifactStore": store,
        "variables": [
            {"name": variable, "description": text} for variable, text in VARIABLES.items()
        ],
        "stages": [
            {"name": "Source", "actions": [_source(artifact_bucket, source_key)]},
            *(_stage(stage, fleet, deploy_project, smoke_project) for stage in stages),
        ],
    }


def codebuild_projects(
    *,
    role_arn: str,
    deploy_project: str = DEPLOY_PROJECT,
    smoke_project: str = SMOKE_PROJECT,
) -> list[dict[str, Any]]:
    """Return the projects as CreateProject and UpdateProject take them.

    Args:
        role_arn: CodeBuild's role in the assets account; it may assume the deploy roles.
        deploy_project: Name of the project that deploys.
        smoke_project: Name of the project that asks the endpoint.
    """
    return [
        _project(
            deploy_project, role_arn, "bundle/buildspec-deploy.yml", "Deploys a model package"
        ),
        _project(smoke_project, role_arn, "bundle/buildspec-smoke.yml", "Asks what it deployed"),
    ]


def _source(bucket: str, key: str) -> dict[str, Any]:
    configuration = {"S3Bucket": bucket, "S3ObjectKey": key, "PollForSourceChanges": "false"}
    return {
        "name": "Source",
        "actionTypeId": _kind("Source", "S3"),
        "runOrder": 1,
        "configuration": configuration,
        "inputArtifacts": [],
        "outputArtifacts": [{"name": _ARTIFACT}],
        "namespace": "Source",
    }


def _stage(
    stage: ReleaseStage, fleet: Fleet, deploy_project: str, smoke_project: str
) -> dict[str, Any]:
    actions = [_approval(stage)] if stage.approval else []
    first = len(actions) + 1
    common = {
        "STAGE": stage.name,
        "TARGET_ACCOUNT_ID": stage.account_id,
        "DEPLOY_ROLE_ARN": stage.deploy_role_arn,
        "ENDPOINT_NAME": "#{variables.EndpointName}",
        "MODEL_PACKAGE_ARN": "#{variables.ModelPackageArn}",
        "MODEL_SHA256": "#{variables.ModelSha256}",
        "PLAN_DIGEST": "#{variables.PlanDigest}",
    }
    deploy = common | {
        "EXECUTION_ROLE_ARN": stage.execution_role_arn,
        "INSTANCE_TYPE": fleet.instance_type,
        "INSTANCE_COUNT": str(fleet.instance_count),
        "CAPTURE_URI": stage.capture.uri,
        "CAPTURE_PERCENT": str(stage.capture.percent),
    }
    smoke = common | {"PROBE_URI": "#{variables.ProbeUri}"}
    actions.append(_build("Deploy", ("Build", deploy_project), first, deploy))
    actions.append(_build("Smoke", ("Test", smoke_project), first + 1, smoke))
    return {"name": stage.name.capitalize(), "actions": actions}


def _approval(stage: ReleaseStage) -> dict[str, Any]:
    text = (
        f"Release #{{variables.ModelPackageArn}} (plan #{{variables.PlanDigest}}) to {stage.name}?"
    )
    return {
        "name": "Approve",
        "actionTypeId": _kind("Approval", "Manual"),
        "runOrder": 1,
        "configuration": {"CustomData": text},
        "inputArtifacts": [],
        "outputArtifacts": [],
    }


def _build(
    name: str, project: tuple[str, str], run_order: int, environment: Mapping[str, str]
) -> dict[str, Any]:
    pairs = [{"name": key, "value": value} for key, value in environment.items()]
    return {
        "name": name,
        "actionTypeId": _kind(project[0], "CodeBuild"),
        "runOrder": run_order,
        # An action's configuration value has at most 1000 characters, hence no white space.
        "configuration": {
            "ProjectName": project[1],
            "EnvironmentVariables": json.dumps(pairs, separators=(",", ":")),
        },
        "inputArtifacts": [{"name": _ARTIFACT}],
        "outputArtifacts": [],
    }


def _kind(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def _project(name: str, role_arn: str, buildspec: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "source": {"type": "CODEPIPELINE", "buildspec": buildspec},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": _IMAGE,
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        "serviceRole": role_arn,
        "timeoutInMinutes": _MINUTES,
    }
