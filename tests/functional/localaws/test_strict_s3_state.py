"""What S3 upholds of buckets and objects: names, versions, conditions, locks, keys of KMS."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config

from tests.functional.localaws.strict_world import raw, refused

MISSING_KEY = "arn:aws:kms:us-east-1:111111111111:key/00000000-0000-4000-8000-000000000000"


def _days(count: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=count)


@pytest.fixture(scope="module")
def s3(aws):
    return aws.client("s3")


@pytest.fixture(scope="module")
def versioned(s3):
    s3.create_bucket(Bucket="strict-versions")
    s3.put_bucket_versioning(
        Bucket="strict-versions", VersioningConfiguration={"Status": "Enabled"}
    )
    return "strict-versions"


@pytest.fixture(scope="module")
def locked(s3):
    s3.create_bucket(Bucket="strict-locked", ObjectLockEnabledForBucket=True)
    return "strict-locked"


def _locked(s3, bucket, key, mode, days):
    return s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=b"held",
        ObjectLockMode=mode,
        ObjectLockRetainUntilDate=_days(days),
    )["VersionId"]


def _retain(s3, bucket, key, mode, days, **arguments):
    s3.put_object_retention(
        Bucket=bucket,
        Key=key,
        Retention={"Mode": mode, "RetainUntilDate": _days(days)},
        **arguments,
    )


def test_bucket_names(aws, s3):
    for name in (
        "Upper-case",
        "under_score",
        "-dash-first",
        "dash-last-",
        "two..dots",
        "192.168.5.4",
        "xn--prefix",
        "sthree-prefix",
        "suffix-s3alias",
        "suffix--ol-s3",
    ):
        status, code, _ = raw(aws, "PUT", f"/{name}", {}, b"")
        assert (status, code) == (400, "InvalidBucketName"), name


def test_a_bucket_has_one_owner(aws, s3):
    s3.create_bucket(Bucket="strict-mine")
    s3.create_bucket(Bucket="strict-mine")  # us-east-1 answers 200 to the owner
    with refused("BucketAlreadyExists", 409):
        aws.client("s3", "prod").create_bucket(Bucket="strict-mine")
    ireland = _in_region(aws, "eu-west-1")
    where = {"LocationConstraint": "eu-west-1"}
    ireland.create_bucket(Bucket="strict-ireland", CreateBucketConfiguration=where)
    with refused("BucketAlreadyOwnedByYou", 409):
        ireland.create_bucket(Bucket="strict-ireland", CreateBucketConfiguration=where)
    s3.put_object(Bucket="strict-mine", Key="k", Body=b"")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket="strict-mine")


def _in_region(aws, region):
    return boto3.session.Session(
        aws_access_key_id="LOCALAWS111111111111", aws_secret_access_key="x", region_name=region
    ).client("s3", endpoint_url=aws.endpoint_url, config=Config(s3={"addressing_style": "path"}))


def test_versions_and_delete_markers(s3, versioned):
    ids = [
        s3.put_object(Bucket=versioned, Key="k", Body=str(n).encode())["VersionId"]
        for n in range(2)
    ]
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=versioned, Key="k")
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=ids[0])["Body"].read() == b"0"
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=versioned)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"1"
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])


def test_what_was_there_before_versioning_is_the_null_version(s3):
    s3.create_bucket(Bucket="strict-null")
    s3.put_object(Bucket="strict-null", Key="k", Body=b"null")
    s3.put_bucket_versioning(Bucket="strict-null", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="strict-null", Key="k", Body=b"next")
    got = s3.get_object(Bucket="strict-null", Key="k", VersionId="null")
    assert got["Body"].read() == b"null"


def test_a_version_of_an_unversioned_bucket_deletes_nothing_else(s3):
    s3.create_bucket(Bucket="strict-plain")
    s3.put_object(Bucket="strict-plain", Key="k", Body=b"here")
    with refused("InvalidArgument", 400):
        s3.delete_object(Bucket="strict-plain", Key="k", VersionId="bogus")
    with refused("InvalidArgument", 400):
        s3.delete_objects(
            Bucket="strict-plain", Delete={"Objects": [{"Key": "k", "VersionId": "bogus"}]}
        )
    assert s3.get_object(Bucket="strict-plain", Key="k")["Body"].read() == b"here"


def test_a_lock_keeps_versioning_enabled(s3, locked):
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})


def test_suspended_versioning_loses_no_version(s3):
    bucket = "strict-suspended"
    s3.create_bucket(Bucket=bucket)

    def versioning(status):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    versioning("Enabled")
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etag = s3.upload_part(**named, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    versioning("Suspended")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    # moto alone would forget the stored version in each of these.
    for call in (
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"2"),
        lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k"),
        lambda: s3.complete_multipart_upload(**named, MultipartUpload=parts),
        lambda: s3.delete_object(Bucket=bucket, Key="k"),
        lambda: s3.delete_object(Bucket=bucket, Key="k", VersionId=version),
        lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]}),
    ):
        with refused("NotImplemented", 501):
            call()
    versioning("Enabled")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    got = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
    assert got["Body"].read() == b"1"


def test_conditional_writes(s3, versioned):
    etag = s3.put_object(Bucket=versioned, Key="c", Body=b"1", IfNoneMatch="*")["ETag"]
    for arguments in ({"IfNoneMatch": "*"}, {"IfMatch": '"other"'}):
        with refused("PreconditionFailed", 412):
            s3.put_object(Bucket=versioned, Key="c", Body=b"2", **arguments)
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=versioned, Key="absent", Body=b"2", IfMatch=etag)
    s3.put_object(Bucket=versioned, Key="c", Body=b"2", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=versioned, Key="c", IfMatch=etag)
    s3.delete_object(Bucket=versioned, Key="c", IfMatch="*")
    with refused("NoSuchKey", 404):
        s3.delete_object(Bucket=versioned, Key="c", IfMatch="*")


def test_conditional_copies(s3, versioned):
    etag = s3.put_object(Bucket=versioned, Key="source", Body=b"1")["ETag"]
    yesterday = _days(-1)
    for failing in (
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfUnmodifiedSince": yesterday},
        {"CopySourceIfModifiedSince": _days(0) + timedelta(seconds=1)},
    ):
        with refused("PreconditionFailed", 412):
            s3.copy_object(Bucket=versioned, Key="t", CopySource=f"{versioned}/source", **failing)
    # The documented exceptions: the ETag's condition decides.
    for holding in (
        {"CopySourceIfMatch": etag, "CopySourceIfUnmodifiedSince": yesterday},
        {"CopySourceIfModifiedSince": yesterday},
    ):
        s3.copy_object(Bucket=versioned, Key="t", CopySource=f"{versioned}/source", **holding)
    with refused("NotImplemented", 501):
        s3.copy_object(Bucket=versioned, Key="t", CopySource=f"{versioned}/source", IfNoneMatch="*")


def test_a_compliance_lock_only_grows(s3, locked):
    version = _locked(s3, locked, "compliance", "COMPLIANCE", 2)
    bypass = {"BypassGovernanceRetention": True}
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="compliance", VersionId=version, **bypass)
    for mode, days in (("COMPLIANCE", 1), ("GOVERNANCE", 3)):
        with refused("AccessDenied", 403):
            _retain(s3, locked, "compliance", mode, days, **bypass)
    with refused("AccessDenied", 403):
        s3.put_object_retention(Bucket=locked, Key="compliance", Retention={}, **bypass)
    _retain(s3, locked, "compliance", "COMPLIANCE", 3)
    until = s3.head_object(Bucket=locked, Key="compliance")["ObjectLockRetainUntilDate"]
    assert until > _days(2.5)


def test_a_governance_lock_yields_to_a_bypass_alone(aws, s3, locked):
    version = _locked(s3, locked, "governance", "GOVERNANCE", 2)
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="governance", VersionId=version)
    path = f"/{locked}/governance?versionId={version}"
    said_no = {"x-amz-bypass-governance-retention": "false"}
    assert raw(aws, "DELETE", path, said_no, b"")[:2] == (403, "AccessDenied")
    answer = s3.delete_objects(
        Bucket=locked, Delete={"Objects": [{"Key": "governance", "VersionId": version}]}
    )
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    with refused("AccessDenied", 403):
        _retain(s3, locked, "governance", "GOVERNANCE", 1)
    _retain(s3, locked, "governance", "GOVERNANCE", 1, BypassGovernanceRetention=True)
    s3.delete_object(
        Bucket=locked, Key="governance", VersionId=version, BypassGovernanceRetention=True
    )
    with refused("404", 404):
        s3.head_object(Bucket=locked, Key="governance")


def test_a_delete_marker_hides_a_locked_version_and_removes_nothing(s3, locked):
    version = _locked(s3, locked, "hidden", "COMPLIANCE", 1)
    s3.delete_object(Bucket=locked, Key="hidden")
    assert s3.get_object(Bucket=locked, Key="hidden", VersionId=version)["Body"].read() == b"held"


def test_a_legal_hold_stands_until_it_is_lifted(s3, locked):
    version = s3.put_object(Bucket=locked, Key="hold", Body=b"x", ObjectLockLegalHoldStatus="ON")[
        "VersionId"
    ]
    with refused("AccessDenied", 403):
        s3.delete_object(
            Bucket=locked, Key="hold", VersionId=version, BypassGovernanceRetention=True
        )
    s3.put_object_legal_hold(Bucket=locked, Key="hold", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket=locked, Key="hold", VersionId=version)
    with refused("NoSuchKey", 404):
        s3.put_object_legal_hold(Bucket=locked, Key="absent", LegalHold={"Status": "ON"})


def test_locks_need_a_bucket_a_date_to_come_and_a_digest(aws, s3, locked, versioned):
    with refused("InvalidRequest", 400):
        _locked(s3, versioned, "k", "COMPLIANCE", 1)
    with refused("InvalidRequest", 400):
        s3.put_object(Bucket=versioned, Key="k", Body=b"")
        _retain(s3, versioned, "k", "COMPLIANCE", 1)
    with refused("InvalidArgument", 400):
        _locked(s3, locked, "k", "COMPLIANCE", -1)
    with refused("InvalidArgument", 400):
        s3.put_object(Bucket=locked, Key="k", Body=b"", ObjectLockMode="COMPLIANCE")
    s3.put_object(Bucket=locked, Key="k", Body=b"")
    with refused("InvalidArgument", 400):
        _retain(s3, locked, "k", "GOVERNANCE", -1)
    with refused("NoSuchKey", 404):
        _retain(s3, locked, "absent", "GOVERNANCE", 1)
    headers = {"x-amz-object-lock-legal-hold": "ON"}
    assert raw(aws, "PUT", f"/{locked}/k", headers, b"x")[:2] == (400, "InvalidRequest")


@pytest.fixture(scope="module")
def by_default(s3):
    s3.create_bucket(Bucket="strict-default", ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(
        Bucket="strict-default",
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    return "strict-default"


def _upload(s3, bucket, key, **arguments):
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **arguments)["UploadId"]
    named = {"Bucket": bucket, "Key": key, "UploadId": upload}
    etag = s3.upload_part(**named, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    return s3.complete_multipart_upload(**named, MultipartUpload=parts)["VersionId"]


def test_default_retention_holds_whatever_way_an_object_comes(s3, by_default):
    put = s3.put_object(Bucket=by_default, Key="put", Body=b"x")["VersionId"]
    copied = s3.copy_object(Bucket=by_default, Key="copied", CopySource=f"{by_default}/put")
    uploaded = _upload(s3, by_default, "uploaded")
    for key, version in (
        ("put", put),
        ("copied", copied["VersionId"]),
        ("uploaded", uploaded),
    ):
        with refused("AccessDenied", 403):
            s3.delete_object(Bucket=by_default, Key=key, VersionId=version)


def test_a_lock_asked_for_with_an_upload_holds(s3, locked):
    arguments = {
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": _days(5),
        "ObjectLockLegalHoldStatus": "ON",
    }
    _upload(s3, locked, "asked", **arguments)
    found = s3.head_object(Bucket=locked, Key="asked")
    assert {name: found[name] for name in arguments} == arguments


def test_default_retention_is_a_positive_time(s3, locked):
    for rule, code in (
        ({"Mode": "COMPLIANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "COMPLIANCE"}, "MalformedXML"),
        ({"Mode": "COMPLIANCE", "Days": 1, "Years": 1}, "MalformedXML"),
    ):
        with refused(code, 400):
            s3.put_object_lock_configuration(
                Bucket=locked,
                ObjectLockConfiguration={
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": rule},
                },
            )


def _key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def test_an_object_s_kms_key_must_be_there_and_enabled(aws, s3):
    kms = aws.client("kms")
    arn = _key(kms)
    s3.create_bucket(Bucket="strict-kms")
    wanted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn}
    put = {"Bucket": "strict-kms", "Key": "k", "Body": b"x"}
    s3.put_object(**put, **wanted)
    with refused("KMS.NotFoundException", 400):
        s3.put_object(**put, ServerSideEncryption="aws:kms", SSEKMSKeyId=MISSING_KEY)
    with refused("InvalidArgument", 400):
        s3.put_object(**put, ServerSideEncryption="AES256", SSEKMSKeyId=arn)
    kms.disable_key(KeyId=arn)
    for call in (
        lambda: s3.put_object(**put, **wanted),
        lambda: s3.get_object(Bucket="strict-kms", Key="k"),
        lambda: s3.create_multipart_upload(Bucket="strict-kms", Key="k", **wanted),
        lambda: s3.copy_object(Bucket="strict-kms", Key="c", CopySource="strict-kms/k", **wanted),
    ):
        with refused("KMS.DisabledException", 400):
            call()
    kms.enable_key(KeyId=arn)
    assert s3.get_object(Bucket="strict-kms", Key="k")["Body"].read() == b"x"


def test_the_key_of_a_bucket_s_default_encryption_is_used(aws, s3):
    kms = aws.client("kms")
    arn = _key(kms)
    s3.create_bucket(Bucket="strict-kms-default")
    s3.put_object(Bucket="strict-kms-default", Key="k", Body=b"x")
    s3.put_bucket_encryption(
        Bucket="strict-kms-default",
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": arn,
                    }
                }
            ]
        },
    )
    s3.put_object(Bucket="strict-kms-default", Key="k", Body=b"x")
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    with refused("KMS.KMSInvalidStateException", 400):
        s3.put_object(Bucket="strict-kms-default", Key="k", Body=b"x")
    s3.delete_bucket_encryption(Bucket="strict-kms-default")
    s3.put_object(Bucket="strict-kms-default", Key="k", Body=b"x")


def test_a_presigned_address_serves_until_it_expires(aws, s3):
    s3.create_bucket(Bucket="strict-presigned")
    s3.put_object(Bucket="strict-presigned", Key="a b", Body=b"signed")
    signing = boto3.session.Session(
        aws_access_key_id="LOCALAWS111111111111", aws_secret_access_key="x"
    ).client(
        "s3",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )

    def url(operation="get_object", seconds=60):
        named = {"Bucket": "strict-presigned", "Key": "a b"}
        return signing.generate_presigned_url(operation, Params=named, ExpiresIn=seconds)

    assert urllib.request.urlopen(url()).read() == b"signed"
    written = urllib.request.Request(url("put_object"), data=b"put", method="PUT")
    assert urllib.request.urlopen(written).status == 200
    assert urllib.request.urlopen(url()).read() == b"put"
    short = url(seconds=1)
    time.sleep(2.1)
    for address, status in ((short, 403), (url(seconds=604801), 400)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(address)
        assert caught.value.status == status
