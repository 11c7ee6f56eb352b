"""What is known about a request besides action and resource: condition keys and their values.

A key that is known to be absent differs from one that nobody here can tell: conditions on the
latter are not understood, and an Allow never rests on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: A value as a condition compares it; a tuple is a multi-valued key.
Value = str | tuple[str, ...]


class UnknownKeyError(Exception):
    """Nobody here can tell what this condition key's value would be on AWS."""


class Context:
    """The request context: keys are looked up without regard to case, as AWS does.

    Args:
        values: Values by key, or functions of no argument that find one when it is asked for.
        absent: Keys that such a request may have and this one has not. One that ends in ``/`` or
            ``:`` stands for all keys that begin so, for example ``aws:RequestTag/``.
    """

    def __init__(
        self,
        values: Mapping[str, Value | Callable[[], Value | None]],
        absent: Collection[str] = (),
    ) -> None:
        self._values = {key.lower(): value for key, value in values.items()}
        self._absent = {key.lower() for key in absent}
        self._families = [key for key in self._absent if key[-1] in "/:"]

    def get(self, key: str) -> Value | None:
        """Return a key's value, or None if the request does not have it.

        Raises:
            UnknownKeyError: It cannot be told.
        """
        key = key.lower()
        if key in self._values:
            value = self._values[key]
            return value() if callable(value) else value
        if key in self._absent or any(key.startswith(each) for each in self._families):
            return None
        raise UnknownKeyError(key)
