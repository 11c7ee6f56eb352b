"""Proofs of S3 and of Glue's catalogue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.localaws.proofs.prover import Prover

BUCKET = "proofs-bucket"
_YEARS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)


def prove_s3(do: Prover) -> None:
    do("CreateBucket", Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    do("ListBuckets", shows=BUCKET)
    default = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    do("PutObjectLockConfiguration", Bucket=BUCKET,
       ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": default})  # fmt: skip
    do("GetObjectLockConfiguration", Bucket=BUCKET, shows="GOVERNANCE")
    do("HeadBucket", Bucket=BUCKET, proves=lambda answer: "BucketRegion" in answer)
    do(
        "GetBucketLocation",
        Bucket=BUCKET,
        proves=lambda answer: answer.keys() == {"LocationConstraint"},
    )
    _objects(do)
    _versions_and_locks(do)
    _multipart(do)
    _settings(do)
    do("DeleteBucket", Bucket=_empty_bucket(do))


def _objects(do: Prover) -> None:
    at = {"Bucket": BUCKET, "Key": "proof"}
    do("PutObject", **at, Body=b"first-proof", Metadata={"kind": "proven"})
    do("GetObject", **at, shows="first-proof")
    do("HeadObject", **at, shows="proven")
    do("GetObjectAttributes", **at, ObjectAttributes=["ObjectSize"], shows="'ObjectSize': 11")
    do("ListObjects", Bucket=BUCKET, shows="'Key': 'proof'")
    do("ListObjectsV2", Bucket=BUCKET, shows="'Key': 'proof'")
    do("CopyObject", Bucket=BUCKET, Key="copied", CopySource=f"{BUCKET}/proof")
    do("PutObjectTagging", **at, Tagging={"TagSet": [{"Key": "k", "Value": "tagged-proof"}]})
    do("GetObjectTagging", **at, shows="tagged-proof")
    do("DeleteObjectTagging", **at)
    do("PutObjectAcl", **at, ACL="public-read")
    do("GetObjectAcl", **at, shows="AllUsers")
    do("DeleteObject", Bucket=BUCKET, Key="copied")
    do("DeleteObjects", Bucket=BUCKET, Delete={"Objects": [{"Key": "proof"}]})


def _versions_and_locks(do: Prover) -> None:
    do("GetBucketVersioning", Bucket=BUCKET, shows="Enabled")
    other = _empty_bucket(do)
    do("PutBucketVersioning", Bucket=other, VersioningConfiguration={"Status": "Enabled"})
    put = do("PutObject", Bucket=BUCKET, Key="locked", Body=b"x")
    at = {"Bucket": BUCKET, "Key": "locked", "VersionId": put["VersionId"]}
    do("ListObjectVersions", Bucket=BUCKET, shows=put["VersionId"])
    do("PutObjectLegalHold", **at, LegalHold={"Status": "ON"})
    do("GetObjectLegalHold", **at, shows="ON")
    do("PutObjectLegalHold", **at, LegalHold={"Status": "OFF"})
    do("PutObjectRetention", **at, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": _YEARS})
    do("HeadObject", **at, shows="GOVERNANCE")


def _multipart(do: Prover) -> None:
    bucket = _empty_bucket(do)
    do("PutObject", Bucket=bucket, Key="source", Body=b"y" * 5 * 1024 * 1024)
    at = {"Bucket": bucket, "Key": "large"}
    upload = do("CreateMultipartUpload", **at)["UploadId"]
    do("ListMultipartUploads", Bucket=bucket, shows=upload)
    copied = do(
        "UploadPartCopy", **at, UploadId=upload, PartNumber=1, CopySource=f"{bucket}/source"
    )
    part = do("UploadPart", **at, UploadId=upload, PartNumber=2, Body=b"end")
    do("ListParts", **at, UploadId=upload, shows=part["ETag"].strip('"'))
    parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]},
             {"PartNumber": 2, "ETag": part["ETag"]}]  # fmt: skip
    do("CompleteMultipartUpload", **at, UploadId=upload, MultipartUpload={"Parts": parts})
    abandoned = do("CreateMultipartUpload", **at)["UploadId"]
    do("AbortMultipartUpload", **at, UploadId=abandoned)


def _settings(do: Prover) -> None:
    at = {"Bucket": _empty_bucket(do)}
    policy = {"Version": "2012-10-17", "Statement": [{
        "Sid": "proof", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::777777777777:root"},
        "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{at['Bucket']}/*"}]}  # fmt: skip
    do("PutBucketPolicy", **at, Policy=json.dumps(policy))
    do("GetBucketPolicy", **at, shows="proof")
    do("GetBucketPolicyStatus", **at, shows="'IsPublic': False")
    do("DeleteBucketPolicy", **at)
    do("PutBucketTagging", **at, Tagging={"TagSet": [{"Key": "k", "Value": "tagged-proof"}]})
    do("GetBucketTagging", **at, shows="tagged-proof")
    do("DeleteBucketTagging", **at)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    do("PutBucketEncryption", **at, ServerSideEncryptionConfiguration={"Rules": [rule]})
    do("GetBucketEncryption", **at, shows="aws:kms")
    do("DeleteBucketEncryption", **at)
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
             "RestrictPublicBuckets": True}  # fmt: skip
    do("PutPublicAccessBlock", **at, PublicAccessBlockConfiguration=block)
    do("GetPublicAccessBlock", **at, shows="'BlockPublicPolicy': True")
    do("DeletePublicAccessBlock", **at)
    owner = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    do("PutBucketOwnershipControls", **at, OwnershipControls=owner)
    do("GetBucketOwnershipControls", **at, shows="ObjectWriter")
    do("DeleteBucketOwnershipControls", **at)
    lifecycle = {"Rules": [{"ID": "proof", "Status": "Enabled", "Filter": {"Prefix": ""},
                            "Expiration": {"Days": 1}}]}  # fmt: skip
    do("PutBucketLifecycleConfiguration", **at, LifecycleConfiguration=lifecycle)
    do("GetBucketLifecycleConfiguration", **at, shows="proof")
    do("DeleteBucketLifecycle", **at)
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://proof"]}]}
    do("PutBucketCors", **at, CORSConfiguration=cors)
    do("GetBucketCors", **at, shows="https://proof")
    do("DeleteBucketCors", **at)
    site = {"IndexDocument": {"Suffix": "proof.html"}}
    do("PutBucketWebsite", **at, WebsiteConfiguration=site)
    do("GetBucketWebsite", **at, shows="proof.html")
    do("DeleteBucketWebsite", **at)
    _acl_logging_and_notification(do, at)


def _acl_logging_and_notification(do: Prover, at: dict[str, str]) -> None:
    do("PutBucketAcl", **at, ACL="public-read")
    do("GetBucketAcl", **at, shows="AllUsers")
    deliver = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{at['Bucket']}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deliver]})
    do("PutBucketPolicy", **at, Policy=policy)
    logging = {"LoggingEnabled": {"TargetBucket": at["Bucket"], "TargetPrefix": "proof-log/"}}
    do("PutBucketLogging", **at, BucketLoggingStatus=logging)
    do("GetBucketLogging", **at, shows="proof-log/")
    queue = do.helping("sqs").create_queue(QueueName="proofs-s3")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:777777777777:proofs-s3"
    allow = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": arn}]}  # fmt: skip
    do.helping("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(allow)})
    wanted = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    do("PutBucketNotificationConfiguration", **at, NotificationConfiguration=wanted)
    do("GetBucketNotificationConfiguration", **at, shows="proofs-s3")
    do("PutObject", **at, Key="told", Body=b"x")
    received = do.helping("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    assert any('"told"' in message["Body"] for message in received["Messages"])


def _empty_bucket(do: Prover) -> str:
    name = f"{BUCKET}-{len(do.helping('s3').list_buckets()['Buckets'])}"
    do("CreateBucket", Bucket=name)
    return name


def prove_glue(do: Prover) -> None:
    do("CreateDatabase", DatabaseInput={"Name": "proofs"}, Tags={"a": "tagged-proof"})
    do("GetDatabase", Name="proofs", shows="'Name': 'proofs'")
    do("GetDatabases", shows="'Name': 'proofs'")
    do("UpdateDatabase", Name="proofs", DatabaseInput={"Name": "proofs", "Description": "new"})
    arn = "arn:aws:glue:us-east-1:777777777777:database/proofs"
    do("GetTags", ResourceArn=arn, shows="tagged-proof")
    do("TagResource", ResourceArn=arn, TagsToAdd={"b": "c"})
    do("UntagResource", ResourceArn=arn, TagsToRemove=["b"])
    _tables(do)
    _partitions(do)
    do("BatchDeleteTable", DatabaseName="proofs", TablesToDelete=["second"])
    do("DeleteTable", DatabaseName="proofs", Name="first")
    do("DeleteDatabase", Name="proofs")


def _table(name: str, comment: str) -> dict[str, object]:
    columns = [{"Name": "x", "Type": "int", "Comment": comment}]
    return {"Name": name, "PartitionKeys": [{"Name": "day", "Type": "string"}],
            "StorageDescriptor": {"Columns": columns, "Location": "s3://proofs/"}}  # fmt: skip


def _tables(do: Prover) -> None:
    for name in ("first", "second"):
        do("CreateTable", DatabaseName="proofs", TableInput=_table(name, "old"))
    do("UpdateTable", DatabaseName="proofs", TableInput=_table("first", "renewed-proof"))
    at = {"DatabaseName": "proofs", "TableName": "first"}
    do("GetTable", DatabaseName="proofs", Name="first", shows="renewed-proof")
    do("GetTables", DatabaseName="proofs", shows="renewed-proof")
    do("GetTableVersions", **at, shows="renewed-proof")
    do("GetTableVersion", **at, VersionId="2", shows="renewed-proof")
    do("DeleteTableVersion", **at, VersionId="1")


def _partition(day: str) -> dict[str, object]:
    descriptor = {"Columns": [{"Name": "x", "Type": "int"}], "Location": f"s3://proofs/{day}/"}
    return {"Values": [day], "StorageDescriptor": descriptor}


def _partitions(do: Prover) -> None:
    at = {"DatabaseName": "proofs", "TableName": "first"}
    do("CreatePartition", **at, PartitionInput=_partition("monday-proof"))
    inputs = [_partition("tuesday"), _partition("wednesday")]
    do("BatchCreatePartition", **at, PartitionInputList=inputs)
    do("GetPartition", **at, PartitionValues=["monday-proof"], shows="monday-proof")
    do("GetPartitions", **at, shows="monday-proof")
    wanted = [{"Values": ["monday-proof"]}]
    do("BatchGetPartition", **at, PartitionsToGet=wanted, shows="monday-proof")
    moved = _partition("tuesday") | {"Parameters": {"moved": "yes"}}
    do("UpdatePartition", **at, PartitionValueList=["tuesday"], PartitionInput=moved)
    moved = _partition("wednesday") | {"Parameters": {"moved": "yes"}}
    entry = {"PartitionValueList": ["wednesday"], "PartitionInput": moved}
    do("BatchUpdatePartition", **at, Entries=[entry])
    do("DeletePartition", **at, PartitionValues=["tuesday"])
    do("BatchDeletePartition", **at, PartitionsToDelete=[{"Values": ["wednesday"]}])
