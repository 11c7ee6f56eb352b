"""Who may act as whom: roles, external ids, tokens."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.core_world import client, trusting
from tests.functional.localaws.roles import allow, policy

ROLE = "arn:aws:iam::222222222222:role/sts-deploy"


@pytest.fixture(scope="module")
def role(aws):
    iam = aws.client("iam", "dev")
    iam.create_role(
        RoleName="sts-deploy", AssumeRolePolicyDocument=trusting("111111111111", "perennial")
    )
    may = allow(["s3:CreateBucket", "s3:ListAllMyBuckets"], "*")
    iam.put_role_policy(RoleName="sts-deploy", PolicyName="may", PolicyDocument=policy(may))
    return ROLE


def _assume(sts, role=ROLE, **more):
    return sts.assume_role(RoleArn=role, RoleSessionName="test", **more)["Credentials"]


def test_an_assumed_role_acts_in_its_own_account(aws, role):
    credentials = _assume(aws.client("sts"), ExternalId="perennial")
    identity = client(aws.endpoint_url, "sts", credentials).get_caller_identity()
    assert identity["Account"] == "222222222222"
    assert identity["Arn"] == "arn:aws:sts::222222222222:assumed-role/sts-deploy/test"
    s3 = client(aws.endpoint_url, "s3", credentials)
    s3.create_bucket(Bucket="sts-made-by-role")
    assert "sts-made-by-role" in _buckets(aws.client("s3", "dev"))
    assert "sts-made-by-role" not in _buckets(aws.client("s3", "experimentation"))


@pytest.mark.parametrize("given", [{}, {"ExternalId": "other"}])
def test_a_missing_or_wrong_external_id_is_denied(aws, role, given):
    with pytest.raises(ClientError) as caught:
        _assume(aws.client("sts"), **given)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_neither_an_absent_role_nor_an_untrusted_account_gets_in(aws, role):
    with pytest.raises(ClientError, match="AccessDenied"):
        _assume(aws.client("sts"), f"{ROLE}-absent", ExternalId="perennial")
    with pytest.raises(ClientError, match="AccessDenied"):
        _assume(aws.client("sts", "prod"), ExternalId="perennial")


def test_a_token_that_is_not_the_sessions_own_is_refused(aws, role):
    credentials = _assume(aws.client("sts"), ExternalId="perennial") | {"SessionToken": "forged"}
    for service, code in [
        ("s3", "InvalidAccessKeyId"),
        ("sts", "InvalidClientTokenId"),
        ("sagemaker", "UnrecognizedClientException"),
    ]:
        caller = client(aws.endpoint_url, service, credentials)
        call = {
            "s3": "list_buckets",
            "sts": "get_caller_identity",
            "sagemaker": "list_endpoints",
        }
        with pytest.raises(ClientError) as caught:
            getattr(caller, call[service])()
        assert caught.value.response["Error"]["Code"] == code


def test_an_expired_session_is_told_so(aws, role):
    credentials = _assume(aws.client("sts"), ExternalId="perennial")
    sessions = aws.context.store.table("sts/session")
    sessions.update(credentials["AccessKeyId"], lambda session: session.update(expires=0.0))
    with pytest.raises(ClientError) as caught:
        client(aws.endpoint_url, "s3", credentials).list_buckets()
    assert caught.value.response["Error"]["Code"] == "ExpiredToken"


def _buckets(s3):
    return {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
