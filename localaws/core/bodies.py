"""Contents of S3 objects as files named by their SHA-256, so that each is written only once.

moto keeps an object's content in a temporary file of its own. A ``Body`` takes that file's place
in moto's object once a snapshot has stored the content; it reads from the stored file, which also
frees the memory. Which objects there are, and their metadata, belongs to the snapshot.
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Bodies:
    """A folder of contents. Used by one thread at a time, under moto's lock."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._unsynced: set[Path] = set()

    def adopt(self, buffer: IO[bytes]) -> Body:
        """Return a Body with the content of moto's buffer, which is closed."""
        if buffer.closed:
            return Body(self, None)
        buffer.seek(0)
        body = Body(self, self.put(buffer.read()))
        buffer.close()
        return body

    def put(self, content: bytes) -> str:
        """Store a content if it is not there yet, and return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(content)
            partial.rename(path)
            self._unsynced.add(path)
        return digest

    def path(self, digest: str) -> Path:
        """Return where a content is or would be."""
        return self._folder / digest[:2] / digest

    def sync(self) -> None:
        """Wait until everything put so far is on the disk."""
        unsynced, self._unsynced = self._unsynced, set()
        for path in unsynced:
            with path.open("rb") as content:
                os.fsync(content.fileno())

    def keep_only(self, digests: set[str]) -> None:
        """Remove every content that no object has any more."""
        for path in self._folder.glob("??/*"):
            if path.name not in digests:
                path.unlink(missing_ok=True)


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
