"""An S3 object as a file that can be sought in, read by ranges. What is in it does not belong here.

For Parquet: the footer and one row group at a time are read, never the whole object.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resources.objects import ObjectFacts, Objects


class RangedFile(io.RawIOBase):
    """One object, open for reading.

    Args:
        objects: The bucket.
        facts: The object as S3 listed it: its key and size.
    """

    def __init__(self, objects: Objects, facts: ObjectFacts) -> None:
        super().__init__()
        self._objects = objects
        self._facts = facts
        self._place = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the place that is read next, in bytes from the start."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; nothing is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._facts.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, with one request; all that are left if it is negative."""
        left = max(0, self._facts.size - self._place)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        body = self._objects.read_range(self._facts.key, self._place, wanted)
        self._place += len(body)
        return body
