"""What an acknowledged call promises: facts that must be found again, one per thing it wrote.

A fact is superseded by a later one of the same key. Calls that overlap in time, or whose answer was
lost, may each have won. How a fact is looked up belongs to readers.py.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.kills.ledger import Call

#: What a key holds that was deleted; and what a call outside this ledger's sight may have changed.
ABSENT, ANYTHING = "(absent)", "(anything)"
#: Answered by moto, whose state the embedded AWS keeps in another way than its own.
MOTO = frozenset({"s3", "glue", "iam", "kms"})
_CTAS = re.compile(
    r'\s*(?:CREATE|DROP)\s+TABLE\s+(?:IF (?:NOT )?EXISTS\s+)?"([^"]+)"', re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Key:
    """What a fact is about: the reader that looks it up, where, and by which name."""

    kind: str
    account: str
    name: tuple[str, ...]

    @property
    def by_moto(self) -> bool:
        """Say whether moto answers for it."""
        return self.kind.partition(" ")[0] in MOTO

    def __str__(self) -> str:
        """Return it for a report."""
        return f"{self.kind} {'/'.join(self.name)} of {self.account}"


@dataclass(slots=True)
class History:
    """All that calls have written under one key."""

    writes: list[tuple[Call, Any]] = field(default_factory=list)

    def acceptable(self) -> list[Any] | None:
        """Return the values of which one must be there; None if none was acknowledged."""
        begun = [call.begin for call, _ in self.writes if call.outcome == "acknowledged"]
        if not begun:
            return None
        last = max(begun)
        return [
            value
            for call, value in self.writes
            if call.outcome != "refused" and (call.end is None or call.end >= last)
        ]

    @property
    def newest(self) -> int:
        """Return the place of the newest call, acknowledged or not."""
        return max(call.begin for call, _ in self.writes)


def histories(calls: Iterable[Call]) -> tuple[dict[Key, History], dict[str, int]]:
    """Return what the calls wrote by key, and the acknowledged calls that nobody can check."""
    found: dict[Key, History] = defaultdict(History)
    unchecked: dict[str, int] = defaultdict(int)
    for call in calls:
        read = _PROMISES.get(call.name)
        if read is None:
            unchecked[call.name] += call.outcome == "acknowledged"
            continue
        for kind, name, value in read(call):
            found[Key(kind, call.account, name)].writes.append((call, value))
    return found, {name: count for name, count in unchecked.items() if count}


Promise = tuple[str, tuple[str, ...], Any]


def _object(call: Call) -> Iterator[Promise]:
    asked = call.parameters
    etag = call.answer.get("ETag", ANYTHING)
    version = call.answer.get("VersionId")
    if version:
        yield "s3 version", (asked["Bucket"], asked["Key"], version), etag
    yield "s3 object", (asked["Bucket"], asked["Key"]), etag


def _deleted_object(call: Call) -> Iterator[Promise]:
    asked = call.parameters
    if asked.get("VersionId"):
        yield "s3 version", (asked["Bucket"], asked["Key"], asked["VersionId"]), ABSENT
    else:
        yield "s3 object", (asked["Bucket"], asked["Key"]), ABSENT


def _deleted_objects(call: Call) -> Iterator[Promise]:
    for each in call.parameters["Delete"]["Objects"]:
        yield "s3 object", (call.parameters["Bucket"], each["Key"]), ABSENT


def _bucket(kind: str, member: str | None) -> Callable[[Call], Iterator[Promise]]:
    def read(call: Call) -> Iterator[Promise]:
        value = call.parameters[member] if member else True
        yield f"s3 {kind}", (call.parameters["Bucket"],), _json(value)

    return read


def _table(call: Call) -> Iterator[Promise]:
    table = call.parameters["TableInput"]
    value = {
        "Parameters": table.get("Parameters", {}),
        "Location": table.get("StorageDescriptor", {}).get("Location"),
    }
    yield "glue table", (call.parameters["DatabaseName"], table["Name"]), value


def _deleted_table(call: Call) -> Iterator[Promise]:
    place = (call.parameters["DatabaseName"], call.parameters["Name"])
    yield "glue table", place, ABSENT


def _partitions(call: Call) -> Iterator[Promise]:
    asked = call.parameters
    failed = {
        tuple(each.get("PartitionValues") or each.get("PartitionValueList") or ())
        for each in call.answer.get("Errors", [])
    }
    inputs = asked.get("PartitionInputList") or [e["PartitionInput"] for e in asked["Entries"]]
    for each in inputs:
        if tuple(each["Values"]) not in failed:
            place = (asked["DatabaseName"], asked["TableName"], *each["Values"])
            yield "glue partition", place, each["StorageDescriptor"]["Location"]


def _query(call: Call) -> Iterator[Promise]:
    if query_id := call.answer.get("QueryExecutionId"):
        yield "athena query", (query_id,), call.parameters["QueryString"].strip()
    found = _CTAS.match(call.parameters["QueryString"])
    if found:  # the query makes or removes a table behind Glue's API, whenever it runs
        database = call.parameters["QueryExecutionContext"]["Database"]
        yield "glue table", (database, found[1]), ANYTHING


def _records(call: Call) -> Iterator[Promise]:
    entries = call.parameters.get("Entries") or [call.parameters]
    for each in entries:
        values = {item["FeatureName"]: item["ValueAsString"] for item in each["Record"]}
        # Which feature identifies a record is in the group's own definition; readers.py knows.
        yield "features record", (each["FeatureGroupName"], json.dumps(values)), values


def _package(call: Call) -> Iterator[Promise]:
    asked = call.parameters
    arn = asked["ModelPackageArn"]
    if "ModelApprovalStatus" in asked:
        yield "sagemaker approval", (arn,), asked["ModelApprovalStatus"]
    for key, value in asked.get("CustomerMetadataProperties", {}).items():
        yield "sagemaker package metadata", (arn, key), value


def _tags(call: Call) -> Iterator[Promise]:
    for tag in call.parameters["Tags"]:
        yield "sagemaker tag", (call.parameters["ResourceArn"], tag["Key"]), tag["Value"]


def _pipeline(call: Call) -> Iterator[Promise]:
    name = call.parameters["PipelineName"]
    yield "sagemaker pipeline", (name,), _json(call.parameters["PipelineDefinition"])
    arn = call.answer.get("PipelineArn")
    for tag in call.parameters.get("Tags", []):
        if arn:
            yield "sagemaker tag", (arn, tag["Key"]), tag["Value"]


def _training(call: Call) -> Iterator[Promise]:
    if arn := call.answer.get("PipelineExecutionArn"):
        yield "sagemaker execution", (arn,), call.parameters["PipelineExecutionDisplayName"]


def _release(call: Call) -> Iterator[Promise]:
    if execution := call.answer.get("pipelineExecutionId"):
        variables = {each["name"]: each["value"] for each in call.parameters.get("variables", [])}
        yield "codepipeline execution", (call.parameters["name"], execution), variables


def _key(call: Call) -> Iterator[Promise]:
    if made := call.answer.get("KeyMetadata"):
        yield "kms key", (made["KeyId"],), "Enabled"


def _named(
    kind: str, *members: str, value: str | None = None
) -> Callable[[Call], Iterator[Promise]]:
    def read(call: Call) -> Iterator[Promise]:
        asked: Any = call.parameters
        name = tuple(_at(asked, member) for member in members)
        yield kind, name, _json(_at(asked, value)) if value else True

    return read


def _at(document: Any, path: str) -> Any:
    for member in path.split("."):
        document = document[member]
    return document


def _json(value: Any) -> Any:
    """Policies and definitions are compared as documents, not as text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return json.loads(value)
    return value


_PROMISES: dict[str, Callable[[Call], Iterator[Promise]]] = {
    "s3:PutObject": _object,
    "s3:CopyObject": _object,
    "s3:CompleteMultipartUpload": _object,
    "s3:DeleteObject": _deleted_object,
    "s3:DeleteObjects": _deleted_objects,
    "s3:CreateBucket": _bucket("bucket", None),
    "s3:PutBucketVersioning": _bucket("versioning", "VersioningConfiguration"),
    "s3:PutBucketEncryption": _bucket("encryption", "ServerSideEncryptionConfiguration"),
    "s3:PutBucketPolicy": _bucket("policy", "Policy"),
    "s3:PutPublicAccessBlock": _bucket("public access", "PublicAccessBlockConfiguration"),
    "glue:CreateDatabase": _named("glue database", "DatabaseInput.Name"),
    "glue:CreateTable": _table,
    "glue:UpdateTable": _table,
    "glue:DeleteTable": _deleted_table,
    "glue:BatchCreatePartition": _partitions,
    "glue:BatchUpdatePartition": _partitions,
    "iam:CreateRole": _named("iam role", "RoleName", value="AssumeRolePolicyDocument"),
    "iam:UpdateAssumeRolePolicy": _named("iam role", "RoleName", value="PolicyDocument"),
    "iam:PutRolePolicy": _named("iam policy", "RoleName", "PolicyName", value="PolicyDocument"),
    "kms:CreateKey": _key,
    "kms:CreateAlias": _named("kms alias", "AliasName", value="TargetKeyId"),
    "kms:EnableKeyRotation": _named("kms rotation", "KeyId"),
    "athena:StartQueryExecution": _query,
    "athena:CreateWorkGroup": _named("athena workgroup", "Name"),
    "codebuild:CreateProject": _named("codebuild project", "name", value="source"),
    "codebuild:UpdateProject": _named("codebuild project", "name", value="source"),
    "codepipeline:CreatePipeline": _named("codepipeline pipeline", "pipeline.name"),
    "codepipeline:UpdatePipeline": _named("codepipeline pipeline", "pipeline.name"),
    "codepipeline:StartPipelineExecution": _release,
    "sagemaker-featurestore-runtime:BatchWriteRecord": _records,
    "sagemaker-featurestore-runtime:PutRecord": _records,
    "sagemaker:AddTags": _tags,
    "sagemaker:CreateFeatureGroup": _named("sagemaker feature group", "FeatureGroupName"),
    "sagemaker:CreateModelPackageGroup": _named("sagemaker group", "ModelPackageGroupName"),
    "sagemaker:PutModelPackageGroupPolicy": _named(
        "sagemaker group policy", "ModelPackageGroupName", value="ResourcePolicy"
    ),
    "sagemaker:CreatePipeline": _pipeline,
    "sagemaker:UpdatePipeline": _pipeline,
    "sagemaker:StartPipelineExecution": _training,
    "sagemaker:UpdateModelPackage": _package,
}
