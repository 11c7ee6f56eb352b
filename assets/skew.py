"""The sample for the skew check: both stores' newest records of some ids. No judgement.

The sample is drawn from the offline store by the MD5 of the record id, so it is the same ids from
one run to the next; ids that are online only are looked for among those AWS lists first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assets import feature_sql
from decisions.skew import Pair, Skew, judge
from resources.clock import utc_now
from resources.records import as_text

if TYPE_CHECKING:
    from assets.intake import Work

SAMPLE = 500
LISTED = 100
#: A record that is about to expire may be gone between one store's answer and the other's.
_MARGIN = timedelta(minutes=5)


def compare(work: Work, *, sample: int = SAMPLE) -> Skew:
    """Compare the newest records of a sample of ids online and offline.

    Raises:
        Transient: A store could not be asked.
    """
    drawn = {
        as_text(row[work.group.record_id]): row
        for row in work.rows(
            feature_sql.newest_stored(work.scope, sample=sample, expires_after=expired(work)),
            "sample of",
        )
    }
    store = work.platform.feature_store.online
    listed = [one for one in store.ids(work.facts.name, LISTED) if one not in drawn]
    others = _stored(work, listed)
    online = store.get_many(work.facts.name, [*drawn, *others])
    pairs = [
        Pair(record_id=one, offline=record_of(row), online=online.get(one))
        for one, row in {**drawn, **others}.items()
    ]
    return judge(pairs, event_time=work.group.event_time)


def expired(work: Work) -> datetime | None:
    """Return the event time up to which records have expired, or None where none does."""
    if work.facts.ttl is None:
        return None
    return utc_now() - work.facts.ttl + _MARGIN


def record_of(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the features of an offline record, or None for one that is not there or deleted."""
    if row is None or row["is_deleted"]:
        return None
    return {name: value for name, value in row.items() if name != "is_deleted"}


def _stored(work: Work, record_ids: list[str]) -> dict[str, dict[str, Any] | None]:
    """Return what the offline store has of some ids; None where it never had any."""
    if not record_ids:
        return {}
    number = work.facts.features[work.group.record_id] != "String"
    ids = [int(one) for one in record_ids] if number else record_ids
    query = feature_sql.newest_stored(work.scope, ids=ids)
    found = {as_text(row[work.group.record_id]): row for row in work.rows(query, "listed of")}
    return {one: found.get(one) for one in record_ids}
