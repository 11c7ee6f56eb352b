"""Single pieces of the foundations: each is described, then created or corrected if it differs.

Every function takes an administrator's client and says whether it changed anything. Which pieces
there are, where, and what their policies say does not belong here (bootstrap.py, policies.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from resources.errors import Missing, PerennialError, call, find, make

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestration.policies import Policy
    from resources.objects import Objects

# What S3 answers where a setting was never made; each has a code of its own.
_NEVER_SET = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
_CLOSED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def ensure_role(iam: Any, name: str, trust: Policy, policy: Policy) -> bool:
    """Lay a role with its trust and one inline policy of the same name."""
    found = find(iam.get_role, RoleName=name)
    if found is None:
        make(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    elif _document(found["Role"]["AssumeRolePolicyDocument"]) != trust:
        call(iam.update_assume_role_policy, RoleName=name, PolicyDocument=json.dumps(trust))
        found = None
    stored = find(iam.get_role_policy, RoleName=name, PolicyName=name)
    if stored is not None and _document(stored["PolicyDocument"]) == policy:
        return found is None
    call(iam.put_role_policy, RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    return True


def ensure_key(kms: Any, alias: str, policy: Policy) -> tuple[str, bool]:
    """Lay a key that rotates every year, under an alias; return its ARN too.

    KMS has no token: killed between key and alias, the next run makes another key, and the first
    stays unused.
    """
    found = find(kms.describe_key, KeyId=alias)
    made = found is None
    if found is None:
        found = call(kms.create_key, Description=alias, Policy=json.dumps(policy))
        key_id = found["KeyMetadata"]["KeyId"]
        make(kms.create_alias, AliasName=alias, TargetKeyId=key_id)
    key_id = found["KeyMetadata"]["KeyId"]
    stored = call(kms.get_key_policy, KeyId=key_id, PolicyName="default")["Policy"]
    corrected = _document(stored) != policy
    if corrected:
        call(kms.put_key_policy, KeyId=key_id, PolicyName="default", Policy=json.dumps(policy))
    if not call(kms.get_key_rotation_status, KeyId=key_id)["KeyRotationEnabled"]:
        call(kms.enable_key_rotation, KeyId=key_id)
        corrected = True
    return str(found["KeyMetadata"]["Arn"]), made or corrected


def ensure_bucket(s3: Any, bucket: str, region: str) -> bool:
    """Lay a bucket that nobody can make public."""
    made = find(s3.head_bucket, Bucket=bucket) is None
    if made:
        # us-east-1 is S3's default and must not be named.
        place = {} if region == "us-east-1" else {"LocationConstraint": region}
        make(s3.create_bucket, Bucket=bucket, **_given(CreateBucketConfiguration=place))
    stored = _setting(s3.get_public_access_block, Bucket=bucket)
    if stored.get("PublicAccessBlockConfiguration") == _CLOSED:
        return made
    call(s3.put_public_access_block, Bucket=bucket, PublicAccessBlockConfiguration=_CLOSED)
    return True


def ensure_versioning(s3: Any, bucket: str) -> bool:
    """Keep every version of a bucket's objects."""
    if call(s3.get_bucket_versioning, Bucket=bucket).get("Status") == "Enabled":
        return False
    enabled = {"Status": "Enabled"}
    call(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=enabled)
    return True


def ensure_expiry(s3: Any, bucket: str, prefix: str, days: int) -> bool:
    """Let objects below a prefix expire; rules of other prefixes stay."""
    stored = _setting(s3.get_bucket_lifecycle_configuration, Bucket=bucket).get("Rules", [])
    wanted = {
        "ID": prefix,
        "Filter": {"Prefix": f"{prefix}/"},
        "Status": "Enabled",
        "Expiration": {"Days": days},
    }
    if any(contains(rule, wanted) for rule in stored):
        return False
    rules = [*(rule for rule in stored if rule.get("ID") != prefix), wanted]
    call(
        s3.put_bucket_lifecycle_configuration,
        Bucket=bucket,
        LifecycleConfiguration={"Rules": rules},
    )
    return True


def ensure_encryption(s3: Any, bucket: str, key_arn: str) -> bool:
    """Encrypt a bucket's new objects with a key unless they say otherwise."""
    algorithm = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rules = [{"ApplyServerSideEncryptionByDefault": algorithm, "BucketKeyEnabled": True}]
    stored = _setting(s3.get_bucket_encryption, Bucket=bucket)
    if contains(stored.get("ServerSideEncryptionConfiguration", {}), {"Rules": rules}):
        return False
    wanted = {"Rules": rules}
    call(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration=wanted)
    return True


def ensure_bucket_policy(s3: Any, bucket: str, policy: Policy) -> bool:
    """Say who of other accounts may use a bucket."""
    stored = _setting(s3.get_bucket_policy, Bucket=bucket)
    if _document(stored.get("Policy", "null")) == policy:
        return False
    call(s3.put_bucket_policy, Bucket=bucket, Policy=json.dumps(policy))
    return True


def ensure_workgroup(athena: Any, name: str, results_uri: str) -> bool:
    """Lay an Athena workgroup whose results go to ``results_uri``.

    Its settings are not enforced: Athena would refuse ``external_location``, and with it tables
    named by their content.
    """
    wanted = {
        "ResultConfiguration": {"OutputLocation": results_uri},
        "EnforceWorkGroupConfiguration": False,
    }
    found = find(athena.get_work_group, WorkGroup=name)
    if found is None:
        return make(athena.create_work_group, Name=name, Configuration=wanted)
    if contains(found["WorkGroup"]["Configuration"], wanted):
        return False
    updates = {
        "ResultConfigurationUpdates": wanted["ResultConfiguration"],
        "EnforceWorkGroupConfiguration": False,
    }
    call(athena.update_work_group, WorkGroup=name, ConfigurationUpdates=updates)
    return True


def ensure_group_policy(sagemaker: Any, group: str, policy: Policy) -> bool:
    """Say which accounts may use a model package group."""
    try:
        stored = _setting(sagemaker.get_model_package_group_policy, ModelPackageGroupName=group)
    except PerennialError as error:
        if error.code != "ValidationException":
            raise
        stored = {}  # SageMaker's answer where there is no policy yet
    if _document(stored.get("ResourcePolicy", "null")) == policy:
        return False
    call(
        sagemaker.put_model_package_group_policy,
        ModelPackageGroupName=group,
        ResourcePolicy=json.dumps(policy),
    )
    return True


def ensure_project(codebuild: Any, project: Mapping[str, Any]) -> bool:
    """Lay a CodeBuild project."""
    found = call(codebuild.batch_get_projects, names=[project["name"]])["projects"]
    if not found:
        return make(codebuild.create_project, **project)
    if contains(found[0], project):
        return False
    call(codebuild.update_project, **project)
    return True


def ensure_object(objects: Objects, key: str, body: bytes) -> bool:
    """Write an object unless it has this very body: a new version would start nothing useful."""
    try:
        if objects.get(key) == body:
            return False
    except Missing:
        pass
    objects.put(key, body)
    return True


def contains(stored: Any, wanted: Any) -> bool:
    """Say whether a stored document has all that is wanted; AWS fills in defaults beside it."""
    if isinstance(wanted, dict):
        return isinstance(stored, dict) and all(
            key in stored and contains(stored[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(stored, list)
            and len(stored) == len(wanted)
            and all(contains(a, b) for a, b in zip(stored, wanted, strict=True))
        )
    return bool(stored == wanted)


def _setting(operation: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """Return what AWS answers about a setting, or nothing where it was never made."""
    try:
        answer: dict[str, Any] = call(operation, **request)
    except PerennialError as error:
        if error.code not in _NEVER_SET and not isinstance(error, Missing):
            raise
        return {}
    return answer


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _document(policy: Any) -> Any:
    return json.loads(policy) if isinstance(policy, str) else policy
