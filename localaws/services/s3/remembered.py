"""A bucket's setting, remembered: every write needs it, and asking each time would be slow.

All changes come through the guard, so what is remembered is what is so. What follows from a
setting belongs to its users.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from localaws.services.s3 import asking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.guard import Passing

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """One setting of all buckets.

    Args:
        name: The setting's, as in the query string.
        read: Makes its value of the XML, which is empty where a bucket has no such setting.
    """

    def __init__(self, name: str, read: Callable[[str], Value]) -> None:
        self._name = name
        self._read = read
        self._values: dict[str, Value] = {}
        # Held while a value is read or changed: none read before a change outlives it.
        self._lock = threading.RLock()

    def of(self, bucket: str, passing: Passing) -> Value:
        """Return a bucket's value."""
        if bucket in self._values:
            return self._values[bucket]
        with self._lock:
            value = self._read(asking.setting(passing, bucket, self._name))
            self._values[bucket] = value
            return value

    @contextlib.contextmanager
    def changing(self, bucket: str) -> Iterator[None]:
        """Forget a bucket's value after what may change it."""
        with self._lock:
            try:
                yield
            finally:
                self._values.pop(bucket, None)
