"""S3, whose actions are named unlike its operations.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
and https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from localaws.core.actions.kms import key_need
from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Condition keys and the parameters (mostly headers) they speak of.
_BY_MEMBER = {
    "s3:prefix": "Prefix",
    "s3:delimiter": "Delimiter",
    "s3:max-keys": "MaxKeys",
    "s3:VersionId": "VersionId",
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-copy-source": "CopySource",
    "s3:x-amz-metadata-directive": "MetadataDirective",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "s3:x-amz-object-ownership": "ObjectOwnership",
    "s3:x-amz-grant-full-control": "GrantFullControl",
    "s3:x-amz-grant-read": "GrantRead",
    "s3:x-amz-grant-read-acp": "GrantReadACP",
    "s3:x-amz-grant-write": "GrantWrite",
    "s3:x-amz-grant-write-acp": "GrantWriteACP",
    "s3:object-lock-mode": "ObjectLockMode",
    "s3:object-lock-retain-until-date": "ObjectLockRetainUntilDate",
    "s3:object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "s3:if-match": "IfMatch",
    "s3:if-none-match": "IfNoneMatch",
}
_ABSENT = (
    *_BY_MEMBER, "s3:RequestObjectTag/", "s3:RequestObjectTagKeys", "s3:locationconstraint",
    "s3:DataAccessPointArn", "s3:DataAccessPointAccount", "s3:AccessPointNetworkOrigin",
)  # fmt: skip

#: Bucket operations that ask for an action of another name.
_BUCKET = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
}
#: Bucket operations that are their own action.
_BUCKET_SAME = """
    DeleteBucket DeleteBucketPolicy DeleteBucketWebsite GetBucketAcl GetBucketLocation
    GetBucketLogging GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus
    GetBucketTagging GetBucketVersioning GetBucketWebsite PutBucketAcl PutBucketLogging
    PutBucketOwnershipControls PutBucketPolicy PutBucketTagging PutBucketVersioning PutBucketWebsite
"""
_OBJECT = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListParts": "ListMultipartUploadParts",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetObjectLegalHold": "GetObjectLegalHold",
    "GetObjectRetention": "GetObjectRetention",
    "PutObjectLegalHold": "PutObjectLegalHold",
}
#: Object operations whose action differs where a version is named.
_VERSIONED = {
    "GetObject": ("GetObject", "GetObjectVersion"),
    "HeadObject": ("GetObject", "GetObjectVersion"),
    "GetObjectAcl": ("GetObjectAcl", "GetObjectVersionAcl"),
    "PutObjectAcl": ("PutObjectAcl", "PutObjectVersionAcl"),
    "GetObjectTagging": ("GetObjectTagging", "GetObjectVersionTagging"),
    "PutObjectTagging": ("PutObjectTagging", "PutObjectVersionTagging"),
    "DeleteObjectTagging": ("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "GetObjectAttributes": ("GetObjectAttributes", "GetObjectVersionAttributes"),
}


def values_of(asked: Asked) -> dict[str, Any]:
    """Return the condition keys that the request's parameters give values to."""
    given = asked.parameters
    values: dict[str, Any] = {
        key: _text(given[member])
        for key, member in _BY_MEMBER.items()
        if given.get(member) is not None
    }
    tags = dict(parse_qsl(given["Tagging"])) if isinstance(given.get("Tagging"), str) else {}
    if tags:
        values["s3:RequestObjectTagKeys"] = tuple(tags)
        values |= {f"s3:RequestObjectTag/{key}": value for key, value in tags.items()}
    values |= {"s3:signatureversion": "AWS4-HMAC-SHA256"}
    return values


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _need(asked: Asked, action: str, resource: str, **more: Any) -> Need:
    return Need(f"s3:{action}", f"arn:aws:s3:::{resource}", values_of(asked), _ABSENT, **more)


def _bucket(action: str) -> Rule:
    return lambda asked: [_need(asked, action, asked.parameters["Bucket"])]


def _key(asked: Asked) -> str:
    return f"{asked.parameters['Bucket']}/{asked.parameters['Key']}"


def _object(action: str) -> Rule:
    return lambda asked: [_need(asked, action, _key(asked))]


def _versioned(plain: str, of_version: str) -> Rule:
    return lambda asked: [
        _need(asked, of_version if asked.parameters.get("VersionId") else plain, _key(asked))
    ]


def _attributes(asked: Asked) -> list[Need]:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html asks for both.
    return [
        *_versioned(*_VERSIONED["GetObjectAttributes"])(asked),
        *_versioned(*_VERSIONED["GetObject"])(asked),
    ]


def _put(asked: Asked) -> list[Need]:
    given = asked.parameters
    also = {
        "PutObjectAcl": given.get("ACL"),
        "PutObjectTagging": given.get("Tagging"),
        "PutObjectRetention": given.get("ObjectLockMode"),
        "PutObjectLegalHold": given.get("ObjectLockLegalHoldStatus"),
    }
    actions = ["PutObject", *(action for action, wanted in also.items() if wanted)]
    return [*(_need(asked, action, _key(asked)) for action in actions), *_encrypting(asked)]


def _encrypting(asked: Asked) -> list[Need]:
    """Need the key that a new object is encrypted with, its own or the bucket's.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    algorithm, bucket = asked.parameters.get("ServerSideEncryption"), asked.parameters["Bucket"]
    if algorithm in {"aws:kms", "aws:kms:dsse"}:
        key = asked.parameters.get("SSEKMSKeyId")
    else:
        key = "" if algorithm else asked.look.bucket_key(bucket)
    return [key_use(asked, "kms:GenerateDataKey", key, _key(asked))] if key else []


def key_use(asked: Asked, action: str, key: str, resource: str) -> Need:
    """Return the need of a KMS key that S3 uses in the caller's name for an object."""
    context = {"aws:s3:arn": f"arn:aws:s3:::{resource}"}
    return key_need(asked, action, key, context, via="s3")


def _copy(asked: Asked) -> list[Need]:
    return [*_source(asked), *_put(asked)]


def _source(asked: Asked) -> list[Need]:
    path, _, version = str(asked.parameters["CopySource"]).partition("?versionId=")
    resource = unquote(path).lstrip("/")
    bucket, _, name = resource.partition("/")
    needs = [_need(asked, "GetObjectVersion" if version else "GetObject", resource)]
    key = asked.look.object_key(bucket, name, version)
    return [*needs, key_use(asked, "kms:Decrypt", key, resource)] if key else needs


def _copied_part(asked: Asked) -> list[Need]:
    return [*_source(asked), _need(asked, "PutObject", _key(asked))]


def _deleted(asked: Asked, key: str, version: str | None) -> Iterable[Need]:
    resource = f"{asked.parameters['Bucket']}/{key}"
    yield _need(asked, "DeleteObjectVersion" if version else "DeleteObject", resource)
    if asked.parameters.get("BypassGovernanceRetention"):
        yield _need(asked, "BypassGovernanceRetention", resource)


def _delete(asked: Asked) -> list[Need]:
    return list(_deleted(asked, asked.parameters["Key"], asked.parameters.get("VersionId")))


def _delete_several(asked: Asked) -> list[Need]:
    return [
        need
        for each in asked.parameters["Delete"]["Objects"]
        for need in _deleted(asked, each["Key"], each.get("VersionId"))
    ]


def _retain(asked: Asked) -> list[Need]:
    actions = ["PutObjectRetention"]
    if asked.parameters.get("BypassGovernanceRetention"):
        actions.append("BypassGovernanceRetention")
    return [_need(asked, action, _key(asked)) for action in actions]


def _create_bucket(asked: Asked) -> list[Need]:
    given = asked.parameters
    locked = given.get("ObjectLockEnabledForBucket")
    also = {
        "PutBucketAcl": given.get("ACL"),
        "PutBucketOwnershipControls": given.get("ObjectOwnership"),
        "PutBucketObjectLockConfiguration": locked,
        "PutBucketVersioning": locked,
    }
    actions = ["CreateBucket", *(action for action, wanted in also.items() if wanted)]
    return [_need(asked, action, given["Bucket"], makes=True) for action in actions]


TABLE: dict[str, Rule] = {
    **{name: _bucket(action) for name, action in _BUCKET.items()},
    **{name: _bucket(name) for name in _BUCKET_SAME.split()},
    **{name: _object(action) for name, action in _OBJECT.items()},
    **{name: _versioned(*actions) for name, actions in _VERSIONED.items()},
    "GetObjectAttributes": _attributes,
    **for_all("PutObject CreateMultipartUpload", _put),
    "CopyObject": _copy,
    "UploadPartCopy": _copied_part,
    "DeleteObject": _delete,
    "DeleteObjects": _delete_several,
    "PutObjectRetention": _retain,
    "CreateBucket": _create_bucket,
    "ListBuckets": anywhere("s3:ListAllMyBuckets"),
}
