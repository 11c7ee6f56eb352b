"""S3's rules that need no server: chunks, retention, checksums of parts, names of buckets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.core.errors import ServiceError
from localaws.services.s3 import checksums, chunks, combining
from localaws.services.s3.buckets import is_bucket_name
from localaws.services.s3.retention import Retention, decide

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RETENTIONS = st.builds(
    Retention,
    st.sampled_from(["GOVERNANCE", "COMPLIANCE"]),
    st.integers(1, 5).map(lambda days: NOW + timedelta(days=days)),
)


def _answer(call):
    """What a call returns, or the code it is refused with."""
    try:
        return call()
    except ServiceError as error:
        return error.code


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5), st.booleans())
def test_chunks_come_apart_as_they_were_put_together(pieces, signed):
    mark = b";chunk-signature=0" if signed else b""
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), mark, piece) for piece in pieces)
    body += b"0%s\r\nx-amz-checksum-crc32: abc=\r\n\r\n" % mark
    content = b"".join(pieces)
    assert chunks.decode(body, str(len(content))) == (content, {"x-amz-checksum-crc32": "abc="})


@settings(deadline=None)
@given(st.binary(max_size=100), st.integers(0, 100))
def test_whatever_comes_is_decoded_or_refused(body, length):
    decoded = _answer(lambda: chunks.decode(body, str(length))[0])
    assert decoded == "IncompleteBody" or len(decoded) == length


@settings(deadline=None)
@given(RETENTIONS, st.lists(st.tuples(st.none() | RETENTIONS, st.booleans()), max_size=6))
def test_compliance_never_ends_sooner_whatever_is_asked(held, asked):
    # A small model of the documented behaviour: apply what is allowed, watch what is in force.
    for wanted, bypass in asked:
        if _answer(partial(decide, held, wanted, bypass=bypass)) == "AccessDenied":
            assert held is not None
            assert not (held.mode == "GOVERNANCE" and bypass)
            continue
        if held is not None and held.mode == "COMPLIANCE":
            assert wanted is not None
            assert wanted.mode == "COMPLIANCE"
            assert wanted.until >= held.until
        held = wanted


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_checksums_of_parts_combine_to_that_of_the_whole(parts):
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME"):
        told = [(checksums.digest(algorithm, part), len(part)) for part in parts]
        whole = checksums.digest(algorithm, b"".join(parts))
        assert combining.whole(algorithm, told) == whole


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("abc", True),
        ("a.b-c.9", True),
        ("a" * 63, True),
        ("ab", False),
        ("a" * 64, False),
        ("a..b", False),
        ("1.2.3.4", False),
        ("Abc", False),
        ("xn--abc", False),
        ("abc-s3alias", False),
    ],
)
def test_names_of_buckets(name, valid):
    assert is_bucket_name(name) is valid
