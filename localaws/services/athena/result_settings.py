"""What a client may ask about a query's results: place, encryption, reuse. Writing is engine.py's.

https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultConfiguration.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.services.athena.workgroups import invalid

if TYPE_CHECKING:
    from localaws.core.provider import Document

_REUSE_MINUTES = 60
_S3_LOCATION = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/|$)")


def check(configuration: Document) -> None:
    """Refuse a ResultConfiguration that cannot be followed.

    Raises:
        ServiceError: InvalidRequestException: no or no valid place, or encryption by the client.
    """
    location = configuration.get("OutputLocation")
    if not location:
        raise invalid(
            "No output location provided. An output location is required either through the "
            "Workgroup result configuration setting or as an API input."
        )
    if not _S3_LOCATION.match(location):
        raise invalid(f"outputLocation is not a valid S3 path: {location}")
    encryption = configuration.get("EncryptionConfiguration", {})
    if encryption.get("EncryptionOption") == "CSE_KMS":
        raise invalid("The embedded Athena does not perform CSE_KMS. See docs/localaws.md")
    if encryption.get("EncryptionOption") == "SSE_KMS" and not encryption.get("KmsKey"):
        raise invalid("SSE_KMS needs a KmsKey")


def reuse_minutes(request: Document) -> int:
    """Return the greatest age of a result that may be handed out again; 0 for none."""
    asked = request.get("ResultReuseConfiguration", {}).get("ResultReuseByAgeConfiguration", {})
    return int(asked.get("MaxAgeInMinutes", _REUSE_MINUTES)) if asked.get("Enabled") else 0


def put_arguments(configuration: Document) -> dict[str, str]:
    """Return how PutObject is asked to store the results."""
    encryption = configuration.get("EncryptionConfiguration", {})
    option = encryption.get("EncryptionOption")
    extra = {"SSE_S3": {"ServerSideEncryption": "AES256"},
             "SSE_KMS": {"ServerSideEncryption": "aws:kms",
                         "SSEKMSKeyId": encryption.get("KmsKey", "")}}.get(option, {})  # fmt: skip
    if owner := configuration.get("ExpectedBucketOwner"):
        extra = extra | {"ExpectedBucketOwner": owner}
    if configuration.get("AclConfiguration"):
        extra = extra | {"ACL": "bucket-owner-full-control"}
    return extra
