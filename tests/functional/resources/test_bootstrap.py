"""Laying the foundations twice changes nothing, and laying them mends what was tampered with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from resources import names as role
from resources.aws import AwsAccounts
from resources.errors import Terminal, call
from tests.functional.resources.conftest import lay

if TYPE_CHECKING:
    from orchestration.bootstrap import BootstrapReport
    from orchestration.environments import Environment
    from resources.platform import Platform


def test_laying_twice_changes_nothing(environment: Environment, laid: BootstrapReport):
    again = lay(environment)
    assert again.created == []
    assert again.unchanged == laid.created


def test_what_was_tampered_with_is_mended(environment: Environment, platform: Platform):
    bucket = platform.names.artifact_bucket
    iam, s3 = environment.admin_client("iam", "prod"), environment.admin_client("s3", "assets")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    iam.update_assume_role_policy(RoleName=role.DEPLOY_ROLE, PolicyDocument=json.dumps(trust))
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    environment.admin_client("codebuild", "assets").update_project(
        name=role.DEPLOY_PROJECT, timeoutInMinutes=5
    )
    environment.admin_client("athena", "experimentation").update_work_group(
        WorkGroup=platform.names.workgroup,
        ConfigurationUpdates={
            "ResultConfigurationUpdates": {"OutputLocation": "s3://elsewhere/results/"}
        },
    )
    assert sorted(lay(environment).created) == sorted(
        [
            f"role {role.DEPLOY_ROLE} in prod",
            f"bucket {bucket}",
            f"policy of {bucket}",
            f"versioning of {bucket}",
            f"CodeBuild project {role.DEPLOY_PROJECT}",
            f"Athena workgroup {platform.names.workgroup}",
        ]
    )
    assert lay(environment).created == []


def test_each_account_is_reached_through_its_own_role(platform: Platform):
    for account in ("experimentation", "dev", "staging", "prod", "assets"):
        who = platform.accounts.client("sts", account).get_caller_identity()
        number = platform.accounts.account_id(account)
        assert who["Account"] == number
        assert f"assumed-role/{role.ORCHESTRATOR_ROLE}/perennial" in who["Arn"]


def test_clients_are_made_once(platform: Platform):
    accounts = platform.accounts
    assert accounts.client("s3", "assets") is accounts.client("s3", "assets")
    assert accounts.client("s3", "assets") is not accounts.client("s3", "experimentation")


def test_without_the_external_id_no_account_lets_us_in(environment: Environment):
    stranger = AwsAccounts(environment.aws.model_copy(update={"external_id": "a-guess"}))
    with pytest.raises(Terminal, match="sts:AssumeRole answered AccessDenied") as caught:
        call(stranger.client("s3", "prod").list_buckets)
    assert caught.value.service == "sts"


def test_the_artifacts_are_versioned_encrypted_and_closed(
    environment: Environment, platform: Platform
):
    s3, bucket = environment.admin_client("s3", "assets"), platform.names.artifact_bucket
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    key = rule["ApplyServerSideEncryptionByDefault"]
    assert key["SSEAlgorithm"] == "aws:kms"
    described = environment.admin_client("kms", "assets").describe_key(
        KeyId=platform.names.kms_alias
    )
    assert key["KMSMasterKeyID"] == described["KeyMetadata"]["Arn"]
    assert platform.artifacts.get_json("champions/none/none.json") == {}
