"""The write-ahead journal: each change asked of moto is on record before moto makes it.

A record is with the system, and so survives a killed process, before the change is made; it is on
the disk, and so survives a power cut, about a second later. A change that cannot be recorded
(the disk is full) is refused and not made. See docs/adr/0009-journal.md; the bytes belong to
core.journal_file.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from localaws.core import journal_file
from localaws.core.bodies import sync_path
from localaws.core.journal_file import Kind, Recorded
from localaws.core.pickling import private_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localaws.core.bodies import Bodies
    from localaws.core.http import Request, Response
    from localaws.core.pinned import Pin

#: Bodies longer than this are files of their own, which S3 objects then share.
_INLINE_BYTES = 64 * 1024


class KeyNotRecordedError(OSError):
    """There was no room for a private key."""


class Journal:
    """Appends to the newest journal file. Used under moto's lock, but for ``sync``.

    Attributes:
        base: Of the last call before the newest file.
        seq: Of the last call on record.
        calls: How many calls the newest file has.
        size: How many bytes it has.
    """

    def __init__(self, folder: Path, base: int, seq: int, calls: int, bodies: Bodies) -> None:
        self.base = base
        self.seq = seq
        self.calls = calls
        self._bodies = bodies
        self._retired: list[int] = []
        self._synced = True
        self._begun = 0
        self._pending = b""
        self._folder = folder
        self._file, self._new = -1, False
        self._open(base)

    def begin(
        self, pin: Pin, service: str, operation: str, request: Request, account_id: str
    ) -> None:
        """Put a call on record.

        Raises:
            OSError: It cannot be recorded; it must not be made.
        """
        digest = self._bodies.put(request.body) if len(request.body) > _INLINE_BYTES else ""
        call = Recorded(pin.time, pin.seed, service, operation, account_id, request, digest)
        begun = self.size + len(self._pending)
        self._append(Kind.CALL, self.seq + 1, journal_file.encode(call))
        self._begun = begun
        self.seq += 1
        self.calls += 1

    def key(self, make: Callable[[], Any]) -> Any:
        """Make a private key and put it on record.

        Raises:
            KeyNotRecordedError: It cannot be recorded, and must not be used.
        """
        made = make()
        try:
            self._append(Kind.KEY, self.seq, private_bytes(made))
        except OSError as error:
            raise KeyNotRecordedError(error.errno, error.strerror) from error
        return made

    def end(self, response: Response) -> None:
        """Put the answer's digest on record; without it, a repetition is not compared."""
        # Written with what comes next: one system call less. A kill loses but a comparison.
        self._pending = journal_file.record(Kind.ANSWER, self.seq, journal_file.digest_of(response))

    def undo(self) -> None:
        """Take the last call off the record: it changed nothing."""
        self._cut(self._begun)
        self.seq -= 1
        self.calls -= 1

    def rotate(self) -> None:
        """Begin a new file.

        Raises:
            OSError: There is no room; the journal goes on in the old file.
        """
        self._flush()
        old = self._file
        self._open(self.seq)
        self._retired.append(old)
        self.calls = 0

    def sync(self) -> None:
        """Wait until everything recorded so far is on the disk. Any thread may call this."""
        if self._synced and not self._retired:
            return
        self._synced = True
        try:
            self._sync()
        except OSError:
            self._synced = False
            raise

    def _sync(self) -> None:
        self._bodies.sync()
        # A file may be retired meanwhile, but only this closes one.
        while self._retired:
            os.fsync(self._retired[0])
            os.close(self._retired.pop(0))
        os.fsync(self._file)
        if self._new:
            self._new = False
            sync_path(self._folder)

    def close(self) -> None:
        """Sync and close."""
        with contextlib.suppress(OSError):
            self._flush()
        self._synced = False
        self.sync()
        os.close(self._file)

    def _open(self, base: int) -> None:
        path = path_of(self._folder, base)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._new = True
        if os.fstat(file).st_size == 0:
            try:
                os.write(file, journal_file.record(Kind.HEADER, self.seq, journal_file.header()))
            except OSError:
                os.close(file)
                path.unlink()
                raise
        self._file, self.size, self.base = file, os.fstat(file).st_size, base

    def _append(self, kind: Kind, seq: int, payload: bytes) -> None:
        self._write(self._pending + journal_file.record(kind, seq, payload))
        self._pending = b""

    def _flush(self) -> None:
        self._write(self._pending)
        self._pending = b""

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            self._cut(self.size)
            raise
        self.size += len(data)
        self._synced = False

    def _cut(self, size: int) -> None:
        os.ftruncate(self._file, size)
        self.size = size


def path_of(folder: Path, seq: int) -> Path:
    """Return the file of the calls after ``seq``."""
    return folder / f"journal-{seq:012d}.bin"
