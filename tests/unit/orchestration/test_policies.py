"""Who may do what: least privilege, checked on the policies as they are attached."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration import policies
from orchestration.environments import load_environment
from resources import names as role
from resources.names import Names

SETTINGS = load_environment("local").aws
NAMES = Names(SETTINGS)
ACCOUNT = SETTINGS.accounts["experimentation"]
IDENTITY = {
    "orchestrator": policies.orchestrator(SETTINGS, NAMES, ACCOUNT),
    "sagemaker": policies.sagemaker(SETTINGS, NAMES, ACCOUNT),
    "deploy": policies.deploy(SETTINGS, ACCOUNT),
    "orchestrator of prod": policies.orchestrator(SETTINGS, NAMES, SETTINGS.accounts["prod"]),
    "sagemaker of prod": policies.sagemaker(SETTINGS, NAMES, SETTINGS.accounts["prod"]),
    "codebuild": policies.codebuild(SETTINGS, NAMES),
    "codepipeline": policies.codepipeline(SETTINGS, NAMES),
}
#: These actions know no resource; each must stand alone in its statement.
WITHOUT_RESOURCE = {
    "sagemaker:ListMonitoringExecutions",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
}


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.parametrize("name", IDENTITY)
def test_no_role_may_do_everything(name: str) -> None:
    for statement in IDENTITY[name]["Statement"]:
        actions = listed(statement["Action"])
        assert statement["Effect"] == "Allow"
        assert not [action for action in actions if action == "*" or action.endswith(":*")]
        if "*" in listed(statement["Resource"]):
            assert set(actions) <= WITHOUT_RESOURCE


@pytest.mark.parametrize("name", IDENTITY)
def test_a_role_is_passed_to_its_service_only(name: str) -> None:
    for statement in IDENTITY[name]["Statement"]:
        if "iam:PassRole" not in listed(statement["Action"]):
            continue
        assert listed(statement["Action"]) == ["iam:PassRole"]
        assert all(
            arn.endswith(f":role/{role.SAGEMAKER_ROLE}") for arn in listed(statement["Resource"])
        )
        assert statement["Condition"] == {
            "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
        }


@pytest.mark.parametrize("name", IDENTITY)
def test_no_role_may_change_roles_or_users(name: str) -> None:
    granted = {
        action
        for statement in IDENTITY[name]["Statement"]
        for action in listed(statement["Action"])
        if action.startswith("iam:")
    }
    assert granted <= {"iam:PassRole"}


def test_an_account_is_trusted_only_with_the_external_id() -> None:
    (statement,) = policies.trusted_account(ACCOUNT, "perennial")["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "perennial"}}


def test_an_endpoint_adds_captures_and_can_neither_read_nor_delete_them() -> None:
    captures = NAMES.capture_bucket("prod")
    writers = [
        set(listed(statement["Action"]))
        for statement in IDENTITY["sagemaker of prod"]["Statement"]
        if any(captures in arn for arn in listed(statement["Resource"]))
    ]
    assert writers == [{"s3:PutObject"}]
    readers = [
        set(listed(statement["Action"]))
        for statement in IDENTITY["orchestrator of prod"]["Statement"]
        if any(captures in arn for arn in listed(statement["Resource"]))
    ]
    assert readers == [{"s3:GetObject", "s3:ListBucket"}]
