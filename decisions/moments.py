"""Times as everything here holds them: naive, in UTC. Reading a clock does not belong here."""

from __future__ import annotations

from datetime import UTC, datetime


def naive_utc(moment: datetime) -> datetime:
    """Return a time without its zone, in UTC; one without a zone is taken to be so already."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
