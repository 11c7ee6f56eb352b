"""What moto may answer: an allow-list of operations that it really does or faithfully stores.

Operations that moto answers with an invented result are not here, and no service that has a
provider of ours is. What "stored" leaves undone (lifecycle rules, schedules) is in
docs/localaws.md.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Services whose operations are all sound, except the ones named. moto has not all of them;
#: those it lacks are refused as well.
_EXCEPT: dict[str, frozenset[str]] = {
    "iam": frozenset(),
    "kms": frozenset({"ConnectCustomKeyStore", "CreateCustomKeyStore", "UpdateCustomKeyStore"}),
    "secretsmanager": frozenset({"RotateSecret"}),
    "sns": frozenset({"CreatePlatformApplication", "CreatePlatformEndpoint"}),
    "sqs": frozenset({"StartMessageMoveTask"}),
}

#: Services of which only these operations are sound.
_ONLY: dict[str, frozenset[str]] = {
    "s3": _names(
        """
        AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload
        DeleteBucket DeleteBucketCors DeleteBucketEncryption DeleteBucketLifecycle
        DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketTagging DeleteBucketWebsite
        DeleteObject DeleteObjectTagging DeleteObjects DeletePublicAccessBlock GetBucketAcl
        GetBucketCors GetBucketEncryption GetBucketLifecycleConfiguration GetBucketLocation
        GetBucketLogging GetBucketNotificationConfiguration GetBucketOwnershipControls
        GetBucketPolicy GetBucketPolicyStatus GetBucketTagging GetBucketVersioning GetBucketWebsite
        GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectLockConfiguration
        GetObjectTagging GetPublicAccessBlock HeadBucket HeadObject ListBuckets
        ListMultipartUploads ListObjectVersions ListObjects ListObjectsV2 ListParts PutBucketAcl
        PutBucketCors PutBucketEncryption PutBucketLifecycleConfiguration PutBucketLogging
        PutBucketNotificationConfiguration PutBucketOwnershipControls PutBucketPolicy
        PutBucketTagging PutBucketVersioning PutBucketWebsite PutObject PutObjectAcl
        PutObjectLegalHold PutObjectLockConfiguration PutObjectRetention PutObjectTagging
        PutPublicAccessBlock UploadPart UploadPartCopy
        """
    ),
    "glue": _names(
        """
        BatchCreatePartition BatchDeletePartition BatchDeleteTable BatchGetPartition
        BatchUpdatePartition CreateDatabase CreatePartition CreatePartitionIndex CreateTable
        DeleteDatabase DeletePartition DeleteTable DeleteTableVersion GetDatabase GetDatabases
        GetPartition GetPartitionIndexes GetPartitions GetTable GetTableVersion GetTableVersions
        GetTables GetTags TagResource UntagResource UpdateDatabase UpdatePartition UpdateTable
        """
    ),
    "ssm": _names(
        """
        AddTagsToResource DeleteParameter DeleteParameters DescribeParameters GetParameter
        GetParameterHistory GetParameters GetParametersByPath LabelParameterVersion
        ListTagsForResource PutParameter RemoveTagsFromResource
        """
    ),
    "logs": _names(
        """
        CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DeleteRetentionPolicy
        DescribeLogGroups DescribeLogStreams FilterLogEvents GetLogEvents ListTagsForResource
        ListTagsLogGroup PutLogEvents PutRetentionPolicy TagLogGroup TagResource UntagLogGroup
        UntagResource
        """
    ),
}

#: Every service moto answers for.
SERVICES = tuple(sorted(_EXCEPT.keys() | _ONLY.keys()))


def is_allowed(service: str, operation: str) -> bool:
    """Tell whether moto may answer this operation."""
    if service in _EXCEPT:
        return operation not in _EXCEPT[service]
    return operation in _ONLY.get(service, ())
