"""The online store put right by the offline one, record by record. When is a person's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets import feature_sql
from assets.intake import put_right
from assets.skew import expired, record_of
from decisions.skew import Pair, judge
from resources.records import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assets.intake import Work

_AT_ONCE = 100


def resync(work: Work) -> int:
    """Write online every newest record that is missing, stale or different there; say how many.

    Records that are online only stay: whether they are wanted, nobody here can tell.

    Raises:
        IngestRefused: The offline store holds records that the online one refuses.
        IngestInterrupted: Some did not get through; run it again.
    """
    if not (work.facts.online and work.facts.table_format):
        return 0
    query = feature_sql.newest_stored(work.scope, expires_after=expired(work))
    rows = work.rows(query, "newest stored of")
    replaced: list[str] = []
    report = work.platform.feature_store.ingest(
        work.facts.name, _wrong(work, rows, replaced), targets=("OnlineStore",)
    )
    return report.written + len(replaced)


def _wrong(
    work: Work, rows: Iterator[dict[str, Any]], replaced: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield the records to be written; those of equal event time are replaced on the way."""
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(record_of(row) or {})
        if len(held) == _AT_ONCE:
            yield from _wrong_of(work, held, replaced)
            held = []
    yield from _wrong_of(work, held, replaced)


def _wrong_of(
    work: Work, records: list[dict[str, Any]], replaced: list[str]
) -> Iterator[dict[str, Any]]:
    ids = [as_text(record[work.group.record_id]) for record in records]
    online = work.platform.feature_store.online.get_many(work.facts.name, ids)
    for one, record in zip(ids, records, strict=True):
        pair = Pair(record_id=one, offline=record, online=online.get(one))
        if judge([pair], event_time=work.group.event_time).verdict != "skewed":
            continue
        if put_right(work, record, online.get(one)):
            replaced.append(one)
        else:
            yield record
