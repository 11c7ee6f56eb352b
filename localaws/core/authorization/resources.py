"""What resources say of who may touch them: their policies, from the services that keep them.

Which of them count as public is core.policy's; what callers bring along is identities'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from localaws.core.policy.documents import Kind, Policy, read
from localaws.core.policy.evaluation import Guarded
from localaws.core.policy.public import is_public

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.accounts import Caller
    from localaws.core.actions.needs import Need
    from localaws.core.authorization.cache import Caches
    from localaws.core.authorization.lookups import Lookups

_COLONS = 5
#: Even a policy that denies its owner everything can be replaced by the owner, see
#: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
_ALWAYS_THE_OWNERS = frozenset(
    {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}
)


class Resources:
    """Resources by ARN, and what guards them."""

    def __init__(self, lookups: Lookups, caches: Caches) -> None:
        self._lookups = lookups
        self._caches = caches
        self._readers: dict[str, Callable[[str], Any]] = {
            "kms": self._key_policy,
            "sns": self._topic_policy,
            "sqs": self._queue_policy,
            "secretsmanager": self._secret_policy,
            "sagemaker": self._group_policy,
            "events": self._bus_policy,
        }

    def guarding(self, need: Need, caller: Caller) -> Guarded:
        """Return whose the resource of a need is, and the policy on it."""
        arn = need.resource
        if need.makes or arn.count(":") < _COLONS:
            # Nobody else's: it is about to be made, is everything, or is no ARN at all.
            return Guarded(caller.account_id)
        service = arn.split(":", 3)[2]
        if service == "s3":
            return self._bucket(need, caller)
        owner = arn.split(":", 5)[4] or caller.account_id
        if service == "iam":
            return self._role(need, owner)
        if service not in self._readers or not _carries_policy(service, arn):
            return Guarded(owner)
        found = self._policy(service, arn)
        if service == "kms":
            exists = self._lookups.key_exists(arn)
            return Guarded(owner, found, decides=exists)
        return Guarded(owner, found)

    def _policy(self, service: str, arn: str) -> Policy | None:
        def find() -> Policy | None:
            try:
                document = self._readers[service](arn)
            except (ClientError, ParamValidationError):
                return None  # there is no such thing, or nothing can have such a name
            return read(document, arn, Kind.RESOURCE) if document else None

        policy: Policy | None = self._caches.of(service).get(("policy", arn), find)
        return policy

    def _bucket(self, need: Need, caller: Caller) -> Guarded:
        bucket = need.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        owner = self._lookups.bucket_owner(bucket)
        if owner is None:
            return Guarded(caller.account_id)  # S3 then says that there is no such bucket
        mine = owner == caller.account_id
        if mine and not caller.role_arn and need.action in _ALWAYS_THE_OWNERS:
            return Guarded(owner)
        policy, closed = self._caches.of("s3").get(
            ("policy", bucket), lambda: self._bucket_policy(bucket, owner)
        )
        return Guarded(owner, None if closed and not mine else policy)

    def _bucket_policy(self, bucket: str, owner: str) -> tuple[Policy | None, bool]:
        s3 = self._lookups.client("s3", owner)
        document = _given(s3.get_bucket_policy, "Policy", Bucket=bucket)
        if not document:
            return None, False
        policy = read(document, f"arn:aws:s3:::{bucket}", Kind.RESOURCE)
        return policy, self.blocks(bucket, "RestrictPublicBuckets") and is_public(policy)

    def blocks(self, bucket: str, setting: str) -> bool:
        """Tell whether a setting of a bucket's public access block is on."""
        owner = self._lookups.bucket_owner(bucket)
        if owner is None:
            return False
        s3 = self._lookups.client("s3", owner)
        found = _given(s3.get_public_access_block, "PublicAccessBlockConfiguration", Bucket=bucket)
        return bool((found or {}).get(setting))

    def _role(self, need: Need, owner: str) -> Guarded:
        if not need.action.startswith("sts:"):
            return Guarded(owner)
        return Guarded(owner, self.trust(need.resource), decides=True, kind=Kind.TRUST)

    def trust(self, role_arn: str) -> Policy | None:
        """Return a role's trust policy; None if there is no such role."""
        account_id = role_arn.split(":", 5)[4]
        role = self._lookups.role(account_id, role_arn.rpartition("/")[2])
        if role is None or role["Arn"] != role_arn:
            return None
        policy: Policy = self._caches.of("iam").get(
            ("trust", role_arn),
            lambda: read(role["AssumeRolePolicyDocument"], role_arn, Kind.TRUST),
        )
        return policy

    def _client(self, service: str, arn: str) -> Any:
        _, _, _, region, account_id, _ = arn.split(":", 5)
        return self._lookups.client(service, account_id, region)

    def _key_policy(self, arn: str) -> Any:
        answer = self._client("kms", arn).get_key_policy(
            KeyId=arn.rpartition("/")[2], PolicyName="default"
        )
        return answer["Policy"]

    def _topic_policy(self, arn: str) -> Any:
        attributes = self._client("sns", arn).get_topic_attributes(TopicArn=arn)["Attributes"]
        return attributes.get("Policy")

    def _queue_policy(self, arn: str) -> Any:
        sqs = self._client("sqs", arn)
        url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        return answer.get("Attributes", {}).get("Policy")

    def _secret_policy(self, arn: str) -> Any:
        answer = self._client("secretsmanager", arn).get_resource_policy(SecretId=arn)
        return answer.get("ResourcePolicy")

    def _group_policy(self, arn: str) -> Any:
        # A package has no policy of its own; its group's speaks of it.
        _, _, rest = arn.partition(":model-package")
        group = rest.partition("/")[2].partition("/")[0]
        answer = self._client("sagemaker", arn).get_model_package_group_policy(
            ModelPackageGroupName=group
        )
        return answer["ResourcePolicy"]

    def _bus_policy(self, arn: str) -> Any:
        name = arn.rpartition("/")[2]
        return self._client("events", arn).describe_event_bus(Name=name).get("Policy")


def _carries_policy(service: str, arn: str) -> bool:
    if service == "sagemaker":
        return ":model-package" in arn
    if service == "events":
        return ":event-bus/" in arn
    return ":alias/" not in arn if service == "kms" else True


def _given(operation: Any, member: str, **request: Any) -> Any:
    try:
        return operation(**request)[member]
    except (ClientError, KeyError):
        return None
