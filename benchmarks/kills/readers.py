"""How each kind of fact is looked up again, by an administrator of its account, past the proxy."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.kills.facts import ABSENT, ANYTHING
from resources.outages import wait_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.kills.facts import Key

_MISSING = ("404", "NoSuch", "NotFound", "EntityNotFound", "does not exist", "not found")
_REGION = "us-east-1"


class Readers:
    """Clients of one server, and what they find."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.client = cache(self._client)
        self._groups: dict[tuple[str, str], tuple[str, str]] = {}

    def read(self, key: Key) -> Any:
        """Return what is there now; ABSENT if nothing is."""
        try:
            return _READERS[key.kind](self, key.account, *key.name)
        except ClientError as error:
            if any(word in str(error) for word in _MISSING):
                return ABSENT
            raise

    def agrees(self, key: Key, expected: Any, found: Any) -> bool:
        """Say whether what was found is what was promised."""
        if expected == ANYTHING:
            return True
        if key.kind == "features record":
            return self._is_not_older(key, expected, found)
        if isinstance(expected, dict) and isinstance(found, dict):
            return all(_plain(found.get(name)) == _plain(value) for name, value in expected.items())
        return bool(expected == found)

    def group(self, account: str, name: str) -> tuple[str, str]:
        """Return the features that identify and date a group's records."""
        if (account, name) not in self._groups:
            group = self.client("sagemaker", account).describe_feature_group(FeatureGroupName=name)
            self._groups[account, name] = (
                group["RecordIdentifierFeatureName"],
                group["EventTimeFeatureName"],
            )
        return self._groups[account, name]

    def _is_not_older(self, key: Key, expected: dict[str, str], found: Any) -> bool:
        if found == ABSENT:
            return False
        _, dated = self.group(key.account, key.name[0])
        if found[dated] != expected[dated]:
            return bool(found[dated] > expected[dated])  # ISO 8601 in UTC sorts as text
        return True  # of equal event times the first stays

    def _client(self, service: str, account: str) -> Any:
        session = boto3.session.Session(
            aws_access_key_id=f"LOCALAWS{account}",
            aws_secret_access_key="loopback",  # noqa: S106 - loopback only
            region_name=_REGION,
        )
        config = Config(s3={"addressing_style": "path"})
        # The server may be down just when it is asked.
        return wait_out(session.client(service, endpoint_url=self._url, config=config), 60.0)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, sort_keys=True, default=str))


def _object(at: Readers, account: str, bucket: str, key: str, version: str = "") -> Any:
    which = {"VersionId": version} if version else {}
    answer = at.client("s3", account).get_object(Bucket=bucket, Key=key, **which)
    answer["Body"].read()  # the contents, too, must be there
    return answer["ETag"]


def _versioning(at: Readers, account: str, bucket: str) -> Any:
    return {"Status": at.client("s3", account).get_bucket_versioning(Bucket=bucket).get("Status")}


def _table(at: Readers, account: str, database: str, name: str) -> Any:
    table = at.client("glue", account).get_table(DatabaseName=database, Name=name)["Table"]
    return {
        "Parameters": table.get("Parameters", {}),
        "Location": table.get("StorageDescriptor", {}).get("Location"),
    }


def _partition(at: Readers, account: str, database: str, table: str, *values: str) -> Any:
    answer = at.client("glue", account).get_partition(
        DatabaseName=database, TableName=table, PartitionValues=list(values)
    )
    return answer["Partition"]["StorageDescriptor"]["Location"]


def _alias(at: Readers, account: str, alias: str) -> Any:
    for each in at.client("kms", account).list_aliases(Limit=1000)["Aliases"]:
        if each["AliasName"] == alias:
            return each.get("TargetKeyId")
    return ABSENT


def _query(at: Readers, account: str, query_id: str) -> Any:
    answer = at.client("athena", account).get_query_execution(QueryExecutionId=query_id)
    return answer["QueryExecution"]["Query"].strip()


def _project(at: Readers, account: str, name: str) -> Any:
    found = at.client("codebuild", account).batch_get_projects(names=[name])["projects"]
    return found[0]["source"] if found else ABSENT


def _release(at: Readers, account: str, pipeline: str, execution: str) -> Any:
    answer = at.client("codepipeline", account).get_pipeline_execution(
        pipelineName=pipeline, pipelineExecutionId=execution
    )
    variables = answer["pipelineExecution"].get("variables", [])
    return {each["name"]: each["resolvedValue"] for each in variables}


def _record(at: Readers, account: str, group: str, identity: str) -> Any:
    runtime = at.client("sagemaker-featurestore-runtime", account)
    answer = runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=identity)
    if "Record" not in answer:
        return ABSENT
    return {item["FeatureName"]: item["ValueAsString"] for item in answer["Record"]}


def _package(at: Readers, account: str, arn: str) -> Any:
    return at.client("sagemaker", account).describe_model_package(ModelPackageName=arn)


def _approval(at: Readers, account: str, arn: str) -> Any:
    return _package(at, account, arn)["ModelApprovalStatus"]


def _metadata(at: Readers, account: str, arn: str, name: str) -> Any:
    return _package(at, account, arn).get("CustomerMetadataProperties", {}).get(name, ABSENT)


def _tag(at: Readers, account: str, arn: str, name: str) -> Any:
    tags = at.client("sagemaker", account).list_tags(ResourceArn=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}.get(name, ABSENT)


def _asked(
    service: str, operation: str, member: str, path: str = "", *, document: bool = False
) -> Callable[..., Any]:
    """Return a reader that asks one operation by name, and takes one member of its answer."""

    def read(at: Readers, account: str, name: str, *_: str) -> Any:
        answer = getattr(at.client(service, account), operation)(**{member: name})
        if not path:
            return True
        for step in path.split("."):
            answer = answer[step]
        return json.loads(answer) if document and isinstance(answer, str) else answer

    return read


def _role_policy(at: Readers, account: str, role: str, policy: str) -> Any:
    answer = at.client("iam", account).get_role_policy(RoleName=role, PolicyName=policy)
    return answer["PolicyDocument"]


_READERS: dict[str, Callable[..., Any]] = {
    "s3 object": _object,
    "s3 version": _object,
    "s3 bucket": _asked("s3", "head_bucket", "Bucket"),
    "s3 versioning": _versioning,
    "s3 encryption": _asked(
        "s3", "get_bucket_encryption", "Bucket", "ServerSideEncryptionConfiguration"
    ),
    "s3 policy": _asked("s3", "get_bucket_policy", "Bucket", "Policy", document=True),
    "s3 public access": _asked(
        "s3", "get_public_access_block", "Bucket", "PublicAccessBlockConfiguration"
    ),
    "glue database": _asked("glue", "get_database", "Name"),
    "glue table": _table,
    "glue partition": _partition,
    "iam role": _asked("iam", "get_role", "RoleName", "Role.AssumeRolePolicyDocument"),
    "iam policy": _role_policy,
    "kms key": _asked("kms", "describe_key", "KeyId", "KeyMetadata.KeyState"),
    "kms alias": _alias,
    "kms rotation": _asked("kms", "get_key_rotation_status", "KeyId", "KeyRotationEnabled"),
    "athena query": _query,
    "athena workgroup": _asked("athena", "get_work_group", "WorkGroup"),
    "codebuild project": _project,
    "codepipeline pipeline": _asked("codepipeline", "get_pipeline", "name"),
    "codepipeline execution": _release,
    "features record": _record,
    "sagemaker approval": _approval,
    "sagemaker package metadata": _metadata,
    "sagemaker tag": _tag,
    "sagemaker feature group": _asked("sagemaker", "describe_feature_group", "FeatureGroupName"),
    "sagemaker group": _asked("sagemaker", "describe_model_package_group", "ModelPackageGroupName"),
    "sagemaker group policy": _asked(
        "sagemaker", "get_model_package_group_policy", "ModelPackageGroupName", "ResourcePolicy",
        document=True,
    ),
    "sagemaker pipeline": _asked(
        "sagemaker", "describe_pipeline", "PipelineName", "PipelineDefinition", document=True
    ),
    "sagemaker execution": _asked(
        "sagemaker", "describe_pipeline_execution", "PipelineExecutionArn",
        "PipelineExecutionDisplayName",
    ),
}  # fmt: skip
