"""Contents of S3 objects as files named by their SHA-256, so that each is written only once.

moto keeps an object's content in a temporary file of its own. A ``Body`` takes that file's place
in moto's object once a snapshot has stored the content; it reads from the stored file, which also
frees the memory. Large request bodies that the journal refers to are stored here too. Which objects
there are, and their metadata, belongs to the snapshot.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Bodies:
    """A folder of contents. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._unsynced: set[Path] = set()
        self._recent: set[str] = set()
        self._lock = threading.Lock()

    def adopt(self, buffer: IO[bytes]) -> Body:
        """Return a Body with the content of moto's buffer, which is closed."""
        if buffer.closed:
            return Body(self, None)
        buffer.seek(0)
        body = Body(self, self.put(buffer.read()))
        buffer.close()
        return body

    def put(self, content: bytes) -> str:
        """Store a content if it is not there yet, and return its digest.

        Raises:
            OSError: There is no room; nothing is left of the attempt.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        with self._lock:
            if not _has(path, len(content)):
                _write(path, content)
                self._unsynced.add(path)
            self._recent.add(digest)
        return digest

    def path(self, digest: str) -> Path:
        """Return where a content is or would be."""
        return self._folder / digest[:2] / digest

    def take_recent(self) -> set[str]:
        """Return what was put since the last time this was asked."""
        with self._lock:
            recent, self._recent = self._recent, set()
        return recent

    def has(self, digest: str, size: int) -> bool:
        """Tell whether a content is there, with so many bytes."""
        return _has(self.path(digest), size)

    def sync(self) -> None:
        """Wait until everything put so far is on the disk."""
        with self._lock:
            unsynced, self._unsynced = self._unsynced, set()
        for path in unsynced:
            with contextlib.suppress(FileNotFoundError):  # nobody needs it any more
                sync_path(path)
        for folder in {path.parent for path in unsynced}:
            sync_path(folder)

    def keep_only(self, digests: set[str]) -> None:
        """Remove every content that is neither among these nor put since ``take_recent``."""
        for path in self._folder.glob("??/*"):
            if path.name in digests:
                continue
            with self._lock:
                if path.name not in self._recent:
                    path.unlink(missing_ok=True)


def sync_path(path: Path) -> None:
    """Wait until a file, or a folder's names, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _has(path: Path, size: int) -> bool:
    # A power cut may leave a name without the content; then it is written again.
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(content)
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


class Body:
    """An object's content, as the file-like object moto expects of it.

    Either stored (``digest`` known, content in a file) or being changed (content in memory).
    """

    def __init__(self, bodies: Bodies, digest: str | None) -> None:
        self._bodies = bodies
        self._digest = digest
        self._changed: io.BytesIO | None = None
        self._position = 0
        self.closed = digest is None

    def freeze(self) -> str | None:
        """Store the content if it was changed; return its digest, None once closed."""
        if self._changed is not None:
            self._digest = self._bodies.put(self._changed.getvalue())
            self._changed = None
        return None if self.closed else self._digest

    def seek(self, position: int) -> int:
        """Move to a position counted from the start."""
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Read from the position on.

        Raises:
            ValueError: The body is closed: its object was deleted.
        """
        with self._open() as content:
            content.seek(self._position)
            data = content.read(size)
        self._position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """Write at the position; the content is in memory until it is stored again."""
        content = self._thaw()
        content.seek(self._position)
        self._position += content.write(data)
        return len(data)

    def truncate(self) -> int:
        """Drop what is behind the position."""
        return self._thaw().truncate(self._position)

    def close(self) -> None:
        """Forget the content; its file goes when no other object shares it."""
        self.closed = True
        self._changed = None

    def _open(self) -> IO[bytes]:
        if self.closed or self._digest is None:
            raise ValueError("I/O operation on closed file")
        if self._changed is not None:
            return io.BytesIO(self._changed.getvalue())
        return self._bodies.path(self._digest).open("rb")

    def _thaw(self) -> io.BytesIO:
        if self._changed is None:
            with self._open() as content:
                self._changed = io.BytesIO(content.read())
        return self._changed
