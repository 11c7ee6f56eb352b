"""Questions to other services, unjudged: whose a bucket is, which key an alias names.

Policies do not belong here (identities, resources).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from localaws.core.accounts import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from localaws.core.authorization.cache import Caches
    from localaws.core.context import ServerContext

_ACCOUNTS = "authorization/account"


class Lookups:
    """Answers about resources, kept until something changes them."""

    def __init__(self, context: ServerContext, caches: Caches) -> None:
        self._context = context
        self._caches = caches
        self._known = context.store.table(_ACCOUNTS)
        self._accounts = {DEFAULT_ACCOUNT, *(key for key, _ in self._known.scan())}

    def client(self, service: str, account_id: str, region: str = "us-east-1") -> Any:
        """Return a client whose requests nobody judges."""
        return self._context.unjudged_client(service, account_id, region)

    def seen(self, account_id: str) -> None:
        """Note that an account is in use: S3 does not tell whose a bucket is, but lists one's own.

        An account that is not known owns nothing, for everything was made through here.
        """
        if account_id not in self._accounts:
            self._known.put(account_id, {})
            self._accounts = self._accounts | {account_id}

    def bucket_owner(self, bucket: str) -> str | None:
        """Return the account that a bucket belongs to; None if there is no such bucket."""
        owners: dict[str, str] = self._caches.of("s3").get("owners", self._bucket_owners)
        return owners.get(bucket)

    def _bucket_owners(self) -> dict[str, str]:
        return {
            bucket["Name"]: account
            for account in self._accounts
            for bucket in self.client("s3", account).list_buckets().get("Buckets", [])
        }

    def bucket_key(self, bucket: str) -> str:
        """Return the KMS key of a bucket's default encryption, or nothing."""

        def find() -> str:
            s3 = self.client("s3", self.bucket_owner(bucket) or DEFAULT_ACCOUNT)
            answer = _or_none(s3.get_bucket_encryption, Bucket=bucket) or {}
            rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
            defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
            return next(
                (each.get("KMSMasterKeyID", "") for each in defaults
                 if each.get("SSEAlgorithm", "").startswith("aws:kms")),
                "",
            )  # fmt: skip

        return str(self._caches.of("s3").get(("key", bucket), find))

    def object_key(self, bucket: str, key: str, version: str) -> str:
        """Return the KMS key that an object is encrypted with, or nothing."""
        s3 = self.client("s3", self.bucket_owner(bucket) or DEFAULT_ACCOUNT)
        named = {"VersionId": version} if version else {}
        answer = _or_none(s3.head_object, Bucket=bucket, Key=key, **named) or {}
        return str(answer.get("SSEKMSKeyId", ""))

    def key_arn(self, account_id: str, region: str, key_id: str) -> str:
        """Return the ARN of a KMS key by id, ARN or alias; of the name if there is no such key."""
        if key_id.startswith("arn:") and ":key/" in key_id:
            return key_id
        return self._key(account_id, region, key_id) or _name_of_key(account_id, region, key_id)

    def key_exists(self, arn: str) -> bool:
        """Tell whether there is a key of that ARN."""
        _, _, _, region, account_id, _ = arn.split(":", 5)
        return bool(self._key(account_id, region, arn))

    def _key(self, account_id: str, region: str, key_id: str) -> str:
        parts = key_id.split(":", 5)
        owner, place = (parts[4], parts[3]) if key_id.startswith("arn:") else (account_id, region)

        def find() -> str:
            answer = _or_none(self.client("kms", owner, place).describe_key, KeyId=key_id)
            return str(answer["KeyMetadata"]["Arn"]) if answer else ""

        return str(self._caches.of("kms").get(("arn", owner, place, key_id), find))

    def key_aliases(self, arn: str) -> tuple[str, ...]:
        """Return the names of a KMS key's aliases."""
        _, _, _, region, account_id, _ = arn.split(":", 5)

        def find() -> tuple[str, ...]:
            kms = self.client("kms", account_id, region)
            answer = _or_none(kms.list_aliases, KeyId=arn) or {}
            return tuple(each["AliasName"] for each in answer.get("Aliases", []))

        aliases: tuple[str, ...] = self._caches.of("kms").get(("aliases", arn), find)
        return aliases

    def secret_arn(self, account_id: str, region: str, secret_id: str) -> str:
        """Return the ARN of a secret by name; one made of the name if there is no such secret."""
        if secret_id.startswith("arn:"):
            return secret_id

        def find() -> str:
            client = self.client("secretsmanager", account_id, region)
            answer = _or_none(client.describe_secret, SecretId=secret_id)
            made = f"arn:aws:secretsmanager:{region}:{account_id}:secret:{secret_id}"
            return str(answer["ARN"]) if answer else made

        found = self._caches.of("secretsmanager").get((account_id, region, secret_id), find)
        return str(found)

    def role_arn(self, account_id: str, name: str) -> str:
        """Return the ARN of a role by name, path included; one without path if there is none."""
        role = self.role(account_id, name)
        return role["Arn"] if role else f"arn:aws:iam::{account_id}:role/{name}"

    def role(self, account_id: str, name: str) -> Any:
        """Return what IAM says of a role; None if there is no such role."""

        def find() -> Any:
            answer = _or_none(self.client("iam", account_id).get_role, RoleName=name)
            return answer["Role"] if answer else None

        return self._caches.of("iam").get(("role", account_id, name), find)

    def query_workgroup(self, account_id: str, region: str, query_id: str) -> str:
        """Return the workgroup of an Athena query; ``*`` if there is no such query."""

        def find() -> str:
            client = self.client("athena", account_id, region)
            answer = _or_none(client.get_query_execution, QueryExecutionId=query_id)
            return str(answer["QueryExecution"]["WorkGroup"]) if answer else "*"

        return str(self._caches.of("athena").get((account_id, region, query_id), find))


def _name_of_key(account_id: str, region: str, key_id: str) -> str:
    if key_id.startswith("arn:"):
        return key_id
    kind = "" if key_id.startswith("alias/") else "key/"
    return f"arn:aws:kms:{region}:{account_id}:{kind}{key_id}"


def _or_none(operation: Any, **request: Any) -> Any:
    try:
        return operation(**request)
    except ClientError:
        return None
