"""Every action a policy grants is one that AWS has: a misspelt one would grant nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import botocore.session
import pytest

from orchestration import policies, sharing
from orchestration.environments import load_environment
from resources.names import Names

SETTINGS = load_environment("local").aws
NAMES = Names(SETTINGS)
GROUP = NAMES.package_group_arn("flight_delay")
DOCUMENTS = {
    **{
        f"orchestrator {n}": policies.orchestrator(SETTINGS, NAMES, n)
        for n in SETTINGS.accounts.values()
    },
    **{
        f"sagemaker {n}": policies.sagemaker(SETTINGS, NAMES, n) for n in SETTINGS.accounts.values()
    },
    "deploy": policies.deploy(SETTINGS, SETTINGS.accounts["prod"]),
    "codebuild": policies.codebuild(SETTINGS, NAMES),
    "codepipeline": policies.codepipeline(SETTINGS, NAMES),
    "bucket": sharing.artifact_bucket(SETTINGS, NAMES),
    "key": sharing.artifact_key(SETTINGS),
    "group": sharing.package_group(SETTINGS, GROUP),
}
#: Services whose actions are other services' operations, or are named otherwise than operations.
SHARED = {"sagemaker": ("sagemaker", "sagemaker-runtime", "sagemaker-featurestore-runtime")}
NAMED_OTHERWISE = {
    "iam:PassRole",
    "kms:*",
    "s3:GetObjectVersion",  # GetObject with a version
    "s3:ListBucket",  # ListObjectsV2
}


@cache
def operations(service: str) -> set[str]:
    session = botocore.session.Session()
    return {
        operation
        for each in SHARED.get(service, (service,))
        for operation in session.get_service_model(each).operation_names
    }


def granted(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_action_exists(name: str):
    for action in granted(DOCUMENTS[name]) - NAMED_OTHERWISE:
        service, _, pattern = action.partition(":")
        known = operations(service)
        assert [each for each in known if fnmatchcase(each, pattern)], action


def test_only_experimentation_trains_and_only_assets_releases():
    of = {name: granted(DOCUMENTS[f"orchestrator {n}"]) for name, n in SETTINGS.accounts.items()}
    assert "sagemaker:StartPipelineExecution" in of["experimentation"]
    assert "codepipeline:StartPipelineExecution" in of["assets"]
    assert "sagemaker:UpdateModelPackage" not in of["experimentation"]
    for stage in ("dev", "staging", "prod"):
        assert of[stage] == {
            "sagemaker:Describe*",
            "sagemaker:ListTags",
            "sagemaker:InvokeEndpoint",
            "sagemaker:ListMonitoringExecutions",
            "s3:GetObject",
            "s3:ListBucket",
        }


def test_nobody_outside_the_five_accounts_is_let_in():
    for name in ("bucket", "key", "group"):
        for statement in DOCUMENTS[name]["Statement"]:
            principals = statement["Principal"]["AWS"]
            for arn in [principals] if isinstance(principals, str) else principals:
                assert arn.split(":")[4] in SETTINGS.accounts.values()
