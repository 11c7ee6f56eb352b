"""A journal file's bytes: what is read is what was written, however the file was damaged."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.core import journal_file
from localaws.core.http import Request
from localaws.core.journal_file import Kind, Recorded

_BODIES = st.lists(st.binary(max_size=300), min_size=1, max_size=8)


def _call(body: bytes) -> Recorded:
    request = Request("PUT", "/b/k%20", "x=1", {"host": "127.0.0.1", "x-amz-meta-é": "ü"}, body)
    return Recorded(1753000000.123456, bytes(range(16)), "s3", "PutObject", "5" * 12, request)


def _file(bodies: list[bytes]) -> tuple[bytes, list[int]]:
    data, starts = journal_file.record(Kind.HEADER, 0, journal_file.header()), []
    for number, body in enumerate(bodies, 1):
        starts.append(len(data))
        data += journal_file.record(Kind.CALL, number, journal_file.encode(_call(body)))
        data += journal_file.record(Kind.ANSWER, number, b"12345678")
    return data, starts


def _read(data: bytes) -> journal_file.Contents:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return journal_file.read(Path(file.name))


@given(_BODIES)
@settings(deadline=None, max_examples=50)
def test_what_is_written_is_read(bodies):
    contents = _read(_file(bodies)[0])
    assert [entry.call for entry in contents.entries] == [_call(body) for body in bodies]
    assert {entry.answer for entry in contents.entries} == {b"12345678"}
    assert (contents.holes, contents.end) == ([], contents.size)


@given(_BODIES, st.data())
@settings(deadline=None, max_examples=100)
def test_a_file_that_breaks_off_keeps_every_whole_call(bodies, data):
    whole, starts = _file(bodies)
    cut = data.draw(st.integers(0, len(whole)))
    contents = _read(whole[:cut])
    calls = [entry.call.request.body for entry in contents.entries]
    assert calls == bodies[: len(calls)]
    ended = sum(following <= cut for following in starts[1:])
    assert len(calls) >= ended
    assert contents.holes == []


@given(_BODIES, st.data())
@settings(deadline=None, max_examples=200)
def test_a_damaged_byte_never_makes_another_call(bodies, data):
    whole, starts = _file(bodies)
    at = data.draw(st.integers(starts[0], len(whole) - 1))
    value = data.draw(st.integers(1, 255))
    contents = _read(whole[:at] + bytes([whole[at] ^ value]) + whole[at + 1 :])
    calls = [entry.call.request.body for entry in contents.entries]
    assert all(
        call == bodies[entry.seq - 1] for call, entry in zip(calls, contents.entries, strict=True)
    )
    assert len(calls) >= len(bodies) - 1
    assert contents.holes or contents.end < contents.size
