"""What S3 checks of the bytes it is sent: digests, checksums, chunks, a request's limits."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest

from localaws.services.s3 import checksums
from tests.functional.localaws.strict_world import raw, refused

BODY = b"a body that must arrive as it was sent"


def _b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


CRC32 = _b64(zlib.crc32(BODY).to_bytes(4, "big"))
OTHER_CRC32 = _b64(zlib.crc32(b"other").to_bytes(4, "big"))


@pytest.fixture(scope="module")
def s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="strict-payload")
    return s3


def _put(s3, **arguments):
    return s3.put_object(Bucket="strict-payload", Key="k", Body=BODY, **arguments)


def test_a_content_md5_is_verified(s3):
    _put(s3, ContentMD5=_b64(hashlib.md5(BODY).digest()))
    with refused("BadDigest", 400):
        _put(s3, ContentMD5=_b64(hashlib.md5(b"other").digest()))
    with refused("InvalidDigest", 400):
        _put(s3, ContentMD5="bm90IDE2IGJ5dGVz" + "AA==")


ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_is_verified_and_comes_back(s3, algorithm):
    member = f"Checksum{algorithm}"
    right = _b64(checksums.digest(algorithm, BODY))
    _put(s3, **{member: right})
    found = s3.head_object(Bucket="strict-payload", Key="k", ChecksumMode="ENABLED")
    assert found[member] == right
    with refused("BadDigest", 400):
        _put(s3, **{member: _b64(checksums.digest(algorithm, b"other"))})
    with refused("InvalidRequest", 400):
        _put(s3, **{member: "AAA="})


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        # https://reveng.sourceforge.io/crc-catalogue: the check values of "123456789"
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
    ],
)
def test_checksums_have_their_published_values(algorithm, value):
    assert checksums.digest(algorithm, b"123456789").hex() == value


def test_the_payload_hash_is_verified(aws, s3):
    headers = {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()}
    status, code, _ = raw(aws, "PUT", "/strict-payload/hash", headers, BODY)
    assert (status, code) == (400, "XAmzContentSHA256Mismatch")
    headers = {"x-amz-content-sha256": "nonsense"}
    status, code, _ = raw(aws, "PUT", "/strict-payload/hash", headers, BODY)
    assert (status, code) == (400, "InvalidArgument")


def _chunked(trailer: str = f"x-amz-checksum-crc32:{CRC32}") -> bytes:
    half = len(BODY) // 2
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:half], BODY[half:], b"")
    )
    return chunks[:-2] + f"{trailer}\r\n\r\n".encode()


def _chunked_headers(**changed: str) -> dict[str, str]:
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(BODY)),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }
    return headers | {k.replace("_", "-"): v for k, v in changed.items()}


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (_chunked_headers(), _chunked(), (200, "")),
        (
            _chunked_headers(),
            _chunked(f"x-amz-checksum-crc32:{OTHER_CRC32}"),
            (400, "BadDigest"),
        ),
        (_chunked_headers(x_amz_decoded_content_length="7"), _chunked(), (400, "IncompleteBody")),
        (_chunked_headers(), _chunked()[:20], (400, "IncompleteBody")),
        (_chunked_headers(), b"zz\r\n\r\n", (400, "IncompleteBody")),
        (
            _chunked_headers(x_amz_trailer="x-amz-checksum-sha256"),
            _chunked(),
            (400, "MalformedTrailerError"),
        ),
    ],
)
def test_chunks_are_taken_apart_and_checked(aws, s3, headers, body, expected):
    status, code, _ = raw(aws, "PUT", "/strict-payload/chunked", headers, body)
    assert (status, code) == expected
    if status == 200:
        got = s3.get_object(Bucket="strict-payload", Key="chunked")
        assert got["Body"].read() == BODY
        assert got.get("ContentEncoding") in {None, ""}


def test_a_signed_stream_keeps_the_encoding_of_its_owner(aws, s3):
    signed = b"%x;chunk-signature=00\r\n%s\r\n0;chunk-signature=00\r\n\r\n" % (len(BODY), BODY)
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(len(BODY)),
        "content-encoding": "aws-chunked,zstd",
    }
    assert raw(aws, "PUT", "/strict-payload/signed", headers, signed)[0] == 200
    got = s3.get_object(Bucket="strict-payload", Key="signed")
    assert (got["Body"].read(), got["ContentEncoding"]) == (BODY, "zstd")


def test_an_announced_checksum_must_come(aws, s3):
    headers = {"x-amz-sdk-checksum-algorithm": "SHA256"}
    assert raw(aws, "PUT", "/strict-payload/k", headers, BODY)[:2] == (400, "InvalidRequest")
    headers = {"x-amz-checksum-crc32": CRC32, "x-amz-checksum-sha1": "AAAA"}
    assert raw(aws, "PUT", "/strict-payload/k", headers, BODY)[:2] == (400, "InvalidRequest")


def test_other_requests_with_a_body_are_checked_too(aws, s3):
    body = b"<Tagging><TagSet/></Tagging>"
    headers = {"Content-MD5": _b64(hashlib.md5(b"other").digest())}
    answer = raw(aws, "PUT", "/strict-payload?tagging", headers, body)
    assert answer[:2] == (400, "BadDigest")


def test_many_deletes_need_a_digest_and_have_a_limit(aws, s3):
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    assert raw(aws, "POST", "/strict-payload?delete", {}, body)[:2] == (400, "InvalidRequest")
    keys = [{"Key": str(number)} for number in range(1001)]
    with refused("MalformedXML", 400):
        s3.delete_objects(Bucket="strict-payload", Delete={"Objects": keys})


def test_keys_and_metadata_have_limits(s3):
    def put(key="k", **metadata):
        s3.put_object(Bucket="strict-payload", Key=key, Body=b"", Metadata=metadata)

    put("ü" * 512, a="x" * 2047)
    with refused("KeyTooLongError", 400):
        put("ü" * 512 + "a")
    with refused("MetadataTooLarge", 400):
        put(a="x" * 2048)
    with refused("KeyTooLongError", 400):
        s3.create_multipart_upload(Bucket="strict-payload", Key="a" * 1025)


def test_ranges(s3):
    s3.put_object(Bucket="strict-payload", Key="range", Body=b"0123456789")

    def get(wanted):
        return s3.get_object(Bucket="strict-payload", Key="range", Range=wanted)["Body"].read()

    assert get("bytes=8-20") == b"89"
    assert get("bytes=-3") == b"789"
    with refused("InvalidRange", 416):
        get("bytes=10-")
    with refused("InvalidRange", 416):
        get("bytes=-0")


def test_what_moto_would_ignore_is_refused(s3):
    for arguments in (
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
        {"WriteOffsetBytes": 3},
        {"IfNoneMatch": '"an-etag"'},
        {"ChecksumXXHASH64": "AAAAAAAAAAA="},
    ):
        with refused("NotImplemented", 501):
            _put(s3, **arguments)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_looks_like_a_form_is_an_object_like_any_other(s3, kind):
    s3.put_object(Bucket="strict-payload", Key="form", Body=b"a=b&c", ContentType=kind)
    got = s3.get_object(Bucket="strict-payload", Key="form")
    assert (got["Body"].read(), got["ContentType"]) == (b"a=b&c", kind)
