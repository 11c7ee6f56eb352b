"""The wall clock. What time it is in a replay's data belongs to the platform."""

from __future__ import annotations

from datetime import UTC, datetime

from decisions.moments import naive_utc


def utc_now() -> datetime:
    """Return the time by which AWS dates what it stores, naive UTC."""
    return naive_utc(datetime.now(UTC))
