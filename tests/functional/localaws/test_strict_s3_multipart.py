"""Multipart uploads as S3 puts them together."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest

from tests.functional.localaws.strict_world import refused

MIB5 = 5 * 1024 * 1024
FIRST, SECOND = b"1" * MIB5, b"2" * 1000


@pytest.fixture(scope="module")
def s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="strict-parts")
    return s3


def _start(s3, key="k", **arguments):
    return s3.create_multipart_upload(Bucket="strict-parts", Key=key, **arguments)["UploadId"]


def _part(s3, upload, number, body, key="k", **arguments):
    sent = s3.upload_part(
        Bucket="strict-parts", Key=key, UploadId=upload, PartNumber=number, Body=body, **arguments
    )
    kept = {name: value for name, value in sent.items() if name.startswith("Checksum")}
    return {"PartNumber": number, "ETag": sent["ETag"]} | kept


def _complete(s3, upload, parts, key="k", **arguments):
    return s3.complete_multipart_upload(
        Bucket="strict-parts",
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": parts},
        **arguments,
    )


def _b64(digest):
    return base64.b64encode(digest).decode()


def test_parts_must_be_there_in_order_and_large_enough(s3):
    upload = _start(s3)
    one, two = _part(s3, upload, 1, FIRST), _part(s3, upload, 2, SECOND)
    with refused("InvalidPartOrder", 400):
        _complete(s3, upload, [two, one])
    with refused("InvalidPartOrder", 400):
        _complete(s3, upload, [one, one])
    with refused("InvalidPart", 400):
        _complete(s3, upload, [one, two | {"ETag": one["ETag"]}])
    with refused("InvalidPart", 400):
        _complete(s3, upload, [one, two, one | {"PartNumber": 3}])
    with refused("MalformedXML", 400):
        _complete(s3, upload, [])
    small = _start(s3)
    with refused("EntityTooSmall", 400):
        _complete(s3, small, [_part(s3, small, n, SECOND) for n in (1, 2)])
    with refused("InvalidArgument", 400):
        _part(s3, upload, 10001, SECOND)
    with refused("InvalidArgument", 400):
        _part(s3, upload, 0, SECOND)
    # Nothing refused has changed the upload.
    etag = _complete(s3, upload, [one, two])["ETag"]
    digests = hashlib.md5(FIRST).digest() + hashlib.md5(SECOND).digest()
    assert etag == f'"{hashlib.md5(digests).hexdigest()}-2"'


def test_an_upload_belongs_to_its_key(s3):
    upload = _start(s3, "mine")
    with refused("NoSuchUpload", 404):
        _part(s3, upload, 1, b"x", key="yours")
    part = _part(s3, upload, 1, b"x", key="mine")
    with refused("NoSuchUpload", 404):
        _complete(s3, upload, [part], key="yours")
    with refused("NoSuchUpload", 404):
        s3.list_parts(Bucket="strict-parts", Key="yours", UploadId=upload)
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(Bucket="strict-parts", Key="yours", UploadId=upload)
    s3.abort_multipart_upload(Bucket="strict-parts", Key="mine", UploadId=upload)
    for call in (
        lambda: _part(s3, upload, 1, b"x", key="mine"),
        lambda: _complete(s3, upload, [part], key="mine"),
        lambda: _complete(s3, "never-there", [part]),
    ):
        with refused("NoSuchUpload", 404):
            call()


def test_a_composite_checksum_is_verified_and_comes_back(s3):
    upload = _start(s3, ChecksumAlgorithm="SHA256")
    bodies = (FIRST, SECOND)
    parts = [
        _part(s3, upload, n, body, ChecksumAlgorithm="SHA256") for n, body in enumerate(bodies, 1)
    ]
    bare = [{k: part[k] for k in ("PartNumber", "ETag")} for part in parts]
    with refused("InvalidRequest", 400):
        _complete(s3, upload, bare)
    wrong = [parts[0], parts[1] | {"ChecksumSHA256": parts[0]["ChecksumSHA256"]}]
    with refused("InvalidPart", 400):
        _complete(s3, upload, wrong)
    with refused("BadDigest", 400):
        _complete(s3, upload, parts, ChecksumSHA256=f"{parts[0]['ChecksumSHA256']}-2")
    with refused("InvalidRequest", 400):
        _complete(s3, upload, parts, MpuObjectSize=17)
    digests = b"".join(hashlib.sha256(body).digest() for body in bodies)
    composite = f"{_b64(hashlib.sha256(digests).digest())}-2"
    _complete(s3, upload, parts, ChecksumSHA256=composite, MpuObjectSize=MIB5 + 1000)
    found = s3.head_object(Bucket="strict-parts", Key="k", ChecksumMode="ENABLED")
    assert (found["ChecksumSHA256"], found["ChecksumType"]) == (composite, "COMPOSITE")


def test_a_checksum_of_the_whole_object_is_verified(s3):
    upload = _start(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [_part(s3, upload, n, body) for n, body in ((1, FIRST), (2, SECOND))]
    whole = _b64(zlib.crc32(FIRST + SECOND).to_bytes(4, "big"))
    with refused("BadDigest", 400):
        _complete(s3, upload, parts, ChecksumCRC32=_b64(b"1234"), ChecksumType="FULL_OBJECT")
    _complete(s3, upload, parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")
    found = s3.get_object(Bucket="strict-parts", Key="k", ChecksumMode="ENABLED")
    assert (found["ChecksumCRC32"], found["ChecksumType"]) == (whole, "FULL_OBJECT")


def test_a_part_is_verified(s3):
    upload = _start(s3)
    with refused("BadDigest", 400):
        _part(s3, upload, 1, SECOND, ChecksumSHA256=_b64(hashlib.sha256(b"other").digest()))
    assert "Parts" not in s3.list_parts(Bucket="strict-parts", Key="k", UploadId=upload)


def test_completing_upholds_conditions(s3):
    s3.put_object(Bucket="strict-parts", Key="there", Body=b"first")
    upload = _start(s3, "there")
    part = _part(s3, upload, 1, b"x", key="there")
    with refused("PreconditionFailed", 412):
        _complete(s3, upload, [part], key="there", IfNoneMatch="*")
    with refused("NotImplemented", 501):
        _complete(s3, upload, [part], key="there", IfMatch='"something"')
    assert s3.get_object(Bucket="strict-parts", Key="there")["Body"].read() == b"first"
