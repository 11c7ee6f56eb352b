"""What moto may answer: an allow-list of operations that it really does or faithfully stores.

Operations that moto answers with an invented result are not here, and no service that has a
provider of ours is. Each one here is proved by tests/functional/localaws/proofs: a write must
change moto's state, a read must show what was written. STORED names those whose further effect on
AWS is missing; docs/localaws/COVERAGE.md is generated from both.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: By service, the operations moto may answer.
ALLOWED: dict[str, frozenset[str]] = {
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
        BatchUpdatePartition CreateDatabase CreatePartition CreateTable
        DeleteDatabase DeletePartition DeleteTable DeleteTableVersion GetDatabase GetDatabases
        GetPartition GetPartitions GetTable GetTableVersion GetTableVersions
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
    "iam": _names(
        """
        AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile
        ListInstanceProfiles ListInstanceProfilesForRole RemoveRoleFromInstanceProfile
        AddUserToGroup AttachGroupPolicy AttachRolePolicy AttachUserPolicy CreateAccessKey
        CreateGroup CreatePolicy CreatePolicyVersion CreateRole CreateUser DeleteAccessKey
        DeleteGroup DeleteGroupPolicy DeletePolicy DeletePolicyVersion DeleteRole
        DeleteRolePermissionsBoundary DeleteRolePolicy DeleteUser DeleteUserPolicy
        DetachGroupPolicy DetachRolePolicy DetachUserPolicy GetAccountAuthorizationDetails GetGroup
        GetGroupPolicy GetPolicy GetPolicyVersion GetRole GetRolePolicy GetUser GetUserPolicy
        ListAccessKeys ListAttachedGroupPolicies ListAttachedRolePolicies ListAttachedUserPolicies
        ListEntitiesForPolicy ListGroupPolicies ListGroups ListGroupsForUser ListPolicies
        ListPolicyTags ListPolicyVersions ListRolePolicies ListRoleTags ListRoles ListUserPolicies
        ListUserTags ListUsers PutGroupPolicy PutRolePermissionsBoundary PutRolePolicy
        PutUserPolicy RemoveUserFromGroup SetDefaultPolicyVersion TagPolicy TagRole TagUser
        UntagPolicy UntagRole UntagUser UpdateAccessKey UpdateAssumeRolePolicy UpdateRole
        UpdateRoleDescription
        """
    ),
    "kms": _names(
        """
        CancelKeyDeletion CreateAlias CreateGrant CreateKey Decrypt DeleteAlias DescribeKey
        DisableKey DisableKeyRotation EnableKey EnableKeyRotation Encrypt GenerateDataKey
        GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom GetKeyPolicy
        GetKeyRotationStatus GetPublicKey ListAliases ListGrants ListKeyPolicies ListKeys
        ListResourceTags PutKeyPolicy ReEncrypt RevokeGrant ScheduleKeyDeletion Sign TagResource
        UntagResource UpdateAlias UpdateKeyDescription Verify VerifyMac
        """
    ),
    "secretsmanager": _names(
        """
        BatchGetSecretValue CreateSecret DeleteResourcePolicy DeleteSecret DescribeSecret
        GetRandomPassword GetResourcePolicy GetSecretValue ListSecretVersionIds ListSecrets
        PutResourcePolicy PutSecretValue RestoreSecret TagResource UntagResource UpdateSecret
        UpdateSecretVersionStage
        """
    ),
    "sns": _names(
        """
        AddPermission CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes
        ListSubscriptions ListSubscriptionsByTopic ListTagsForResource ListTopics Publish
        PublishBatch RemovePermission SetSubscriptionAttributes SetTopicAttributes Subscribe
        TagResource Unsubscribe UntagResource
        """
    ),
    "sqs": _names(
        """
        AddPermission ChangeMessageVisibility ChangeMessageVisibilityBatch CreateQueue
        DeleteMessage DeleteMessageBatch DeleteQueue GetQueueAttributes GetQueueUrl
        ListDeadLetterSourceQueues ListQueueTags ListQueues PurgeQueue ReceiveMessage
        RemovePermission SendMessage SendMessageBatch SetQueueAttributes TagQueue UntagQueue
        """
    ),
}

#: Of those, the ones that are only kept: what AWS would do further, and is not done here.
STORED: dict[str, dict[str, str]] = {
    "s3": {
        "PutBucketAcl": "access is decided by policies alone",
        "PutObjectAcl": "access is decided by policies alone",
        "PutBucketCors": "no browser is answered",
        "PutBucketEncryption": "contents are on disk as they are",
        "PutBucketLifecycleConfiguration": "nothing expires or moves",
        "PutBucketLogging": "no access log is written",
        "PutBucketOwnershipControls": "there are no ACLs to override",
        "PutBucketWebsite": "no website is served",
    },
    "kms": {
        "CreateGrant": "grants allow nothing",
        "EnableKeyRotation": "no key material is rotated",
        "ScheduleKeyDeletion": "the key stays pending; its day never comes",
    },
    "logs": {"PutRetentionPolicy": "nothing is removed"},
}

#: Every service moto answers for.
SERVICES = tuple(sorted(ALLOWED))


def is_allowed(service: str, operation: str) -> bool:
    """Tell whether moto may answer this operation."""
    return operation in ALLOWED.get(service, ())
