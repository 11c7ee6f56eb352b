"""A journal file's bytes: records written and read back, damaged stretches found.

A record is a head (magic, kind, sequence number, length, CRC-32 of all the rest) and a payload.
When something is recorded belongs to core.journal; what it does when repeated, to core.replay.
"""

from __future__ import annotations

import enum
import hashlib
import json
import struct
import zlib
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from localaws.core.damage import DamagedError, StateError
from localaws.core.http import Request, Response

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = 1
_MAGIC = b"LAj1"
_HEAD = struct.Struct(">4sBQII")
_CHECKED = struct.Struct(">BQI")

#: Headers that nothing of moto's depends on.
_UNREAD = frozenset(
    {"accept", "accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request", "connection",
     "expect", "user-agent", "x-amzn-query-mode"}
)  # fmt: skip


class Kind(enum.IntEnum):
    """What a record holds."""

    HEADER = 1
    CALL = 2
    KEY = 3
    ANSWER = 4


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call as the journal has it.

    Attributes:
        body_digest: SHA-256 of a large body, which is a file of its own; empty: it is in
            ``request``.
    """

    at: float
    seed: bytes
    service: str
    operation: str
    account_id: str
    request: Request
    body_digest: str = ""


@dataclass(slots=True)
class Entry:
    """One call with what followed it.

    Attributes:
        keys: Private keys made during the call, PKCS #8 DER.
        answer: Digest of the answer; empty if the server died during the call.
    """

    seq: int
    call: Recorded
    keys: list[bytes] = field(default_factory=list)
    answer: bytes = b""


@dataclass(slots=True)
class Contents:
    """What a journal file holds.

    Attributes:
        holes: (from, to) of each damaged stretch that whole records follow.
        end: Where the last whole record ends; what is behind was never acknowledged.
    """

    entries: list[Entry] = field(default_factory=list)
    holes: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    size: int = 0


def record(kind: Kind, seq: int, payload: bytes) -> bytes:
    """Return a record's bytes."""
    crc = zlib.crc32(payload, zlib.crc32(_CHECKED.pack(kind, seq, len(payload))))
    return _HEAD.pack(_MAGIC, kind, seq, len(payload), crc) + payload


def header() -> bytes:
    """Return the payload of a file's first record."""
    return json.dumps({"format": _FORMAT, "moto": version("moto")}).encode()


def encode(call: Recorded) -> bytes:
    """Return a call as payload."""
    asked = call.request
    headers = {name: value for name, value in asked.headers.items() if name not in _UNREAD}
    head = [call.at, call.seed.hex(), call.service, call.operation, call.account_id,
            asked.method, asked.path, asked.query, headers, call.body_digest]  # fmt: skip
    body = b"" if call.body_digest else asked.body
    return json.dumps(head).encode() + b"\n" + body


def digest_of(response: Response) -> bytes:
    """Return what tells one answer from another."""
    return hashlib.blake2b(b"%d " % response.status + response.body, digest_size=8).digest()


def read(path: Path) -> Contents:
    """Read a journal file.

    Raises:
        StateError: Another version wrote it.
        DamagedError: It is no journal at all.
    """
    data = path.read_bytes()
    contents = Contents(size=len(data))
    offset = 0
    while offset < len(data):
        found = _record_at(data, offset)
        if found is None:
            follows = _next_record(data, offset + 1)
            if follows is None:
                break
            contents.holes.append((offset, follows))
            offset = follows
            continue
        kind, seq, payload = found
        if kind == Kind.HEADER:
            _check_header(path, payload)
        else:
            _add(contents.entries, kind, seq, payload)
        offset += _HEAD.size + len(payload)
        contents.end = offset
    return contents


def _record_at(data: bytes, offset: int) -> tuple[int, int, bytes] | None:
    if len(data) - offset < _HEAD.size:
        return None
    magic, kind, seq, length, crc = _HEAD.unpack_from(data, offset)
    payload = data[offset + _HEAD.size : offset + _HEAD.size + length]
    if magic != _MAGIC or len(payload) != length:
        return None
    known = zlib.crc32(payload, zlib.crc32(_CHECKED.pack(kind, seq, length)))
    return (kind, seq, payload) if known == crc else None


def _next_record(data: bytes, offset: int) -> int | None:
    while (offset := data.find(_MAGIC, offset)) >= 0:
        if _record_at(data, offset) is not None:
            return offset
        offset += 1
    return None


def _add(entries: list[Entry], kind: int, seq: int, payload: bytes) -> None:
    if kind == Kind.CALL:
        entries.append(Entry(seq, _decode(payload)))
    elif entries and entries[-1].seq == seq:  # else its call is in a damaged stretch
        if kind == Kind.KEY:
            entries[-1].keys.append(payload)
        else:
            entries[-1].answer = payload


def _decode(payload: bytes) -> Recorded:
    head, _, body = payload.partition(b"\n")
    values: list[Any] = json.loads(head)
    at, seed, service, operation, account_id, method, path, query, headers, digest = values
    request = Request(method, path, query, headers, body)
    return Recorded(at, bytes.fromhex(seed), service, operation, account_id, request, digest)


def _check_header(path: Path, payload: bytes) -> None:
    try:
        found = json.loads(payload)
    except ValueError as error:
        raise DamagedError(f"{path} is not a journal.") from error
    if found != json.loads(header()):
        raise StateError(
            f"{path} was written with moto {found.get('moto')} (format {found.get('format')}); "
            f"this is moto {version('moto')} (format {_FORMAT}), which cannot repeat it. "
            "Start afresh with `make clean-state`, or start and stop once with what wrote it."
        )
