"""Waiting for several answers of AWS at once. What is asked does not belong here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

#: Well below Athena's quota of concurrent queries, and below a client's pool of 10 connections.
AT_ONCE = 4


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return what each call returns, in their order; at most AT_ONCE of them wait at a time.

    Every call is let finish, for a query that was started is paid for.

    Raises:
        Exception: The error of the first of them, in their order, that failed.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="together") as pool:
        futures = [pool.submit(each) for each in calls]
    return [future.result() for future in futures]
