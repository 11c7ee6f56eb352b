"""A dataset's rows taken into its feature group: which, by which way, and the account of them.

What is missing is found by comparing dataset and offline store, so an intake resumes where one was
killed, and a restated row is written again. Nothing is remembered but to save that comparison
(ingested.py). Inserting many rows at once is backfill.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from assets import feature_sql, ingested
from assets.dataset_versions import versions_of
from assets.feature_sql import RESTATED, Scope
from assets.statements import count_rows
from resources.polling import wait_for
from resources.records import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assets.dataset_versions import Versions
    from resources.accounting import IngestReport
    from resources.feature_groups import FeatureGroupFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup

#: AWS makes written records visible offline within 15 minutes.
OFFLINE_DEADLINE = timedelta(minutes=20)
_AT_ONCE = 100


@dataclass(slots=True)
class Intake:
    """The account of one intake: each of the dataset's rows is in one of the counts.

    Attributes:
        way: ``none``, ``api`` or ``bulk``.
        unchanged: Rows that the group had already.
        mended: Of the written ones, how many replaced an online record of the same event time.
        partitions: How many partitions of the dataset were compared row by row, out of how many.
    """

    way: str
    rows: int
    written: int = 0
    skipped: int = 0
    repeated: int = 0
    mended: int = 0
    seconds: float = 0.0
    partitions: tuple[int, int] = (0, 0)

    @property
    def unchanged(self) -> int:
        """Return how many rows needed nothing."""
        return self.rows - self.written - self.skipped - self.repeated

    def add(self, report: IngestReport) -> None:
        """Take in the account of what was written through the API."""
        self.written += report.written
        self.skipped += report.skipped
        self.repeated += report.repeated
        self.seconds += report.seconds


@dataclass(slots=True)
class Work:
    """One group being filled by one run."""

    platform: Platform
    use_case: UseCase
    group: FeatureGroup
    facts: FeatureGroupFacts
    salt: str
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        self.scope = _scope(self)

    @property
    def database(self) -> str:
        """Return the database that queries run in."""
        return self.platform.names.curated_database(self.use_case.name)

    def rows(self, query: exp.Expression, intent: str) -> Iterator[dict[str, Any]]:
        """Run a query and yield its rows, a page at a time."""
        run = self.platform.athena.run(
            feature_sql.text_of(query),
            database=self.database,
            intent=f"{intent} {self.facts.arn}",
            salt=self.salt,
        )
        return self.platform.athena.rows(run)


def take_in(work: Work) -> Intake:
    """Bring a feature group up to its dataset.

    Raises:
        IngestRefused: Some rows can never be written; all others are.
        IngestInterrupted: Some rows did not get through; the next run writes them.
        Transient: The offline store did not show all rows within 20 minutes.
        Terminal: AWS cannot write the offline store.
        TableMissing: The dataset was never materialized.
    """
    from assets.backfill import backfill

    versions = versions_of(work.platform, work.use_case, work.group.dataset)
    known = ingested.recall(work.platform, work.use_case, work.group, work.facts)
    changed = versions.changed(known)
    rows = _row_count(work, versions)
    done = Intake("none", rows, partitions=(len(changed), len(versions.digests)))
    if not changed:
        return done
    if versions.partitioned:
        work.scope = replace(work.scope, days=changed)
    lacking = _lacking(work) if rows >= work.group.bulk_from else 0
    if work.facts.table_format and lacking >= work.group.bulk_from:
        done.way = "bulk"
        backfill(work, done, lacking)
    else:
        done.way = "api"
        _write(work, done)
    if work.facts.table_format:
        _wait_until_visible(work)
    ingested.remember(work.platform, work.use_case, work.group, work.facts, versions)
    return done


def mended(work: Work, done: Intake, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows without RESTATED; before a restated one, put the online store right.

    Feature Store leaves an online record alone when one of equal event time is written. The online
    record is replaced first and the row written after, so that a kill in between is seen as a row
    that is still to be written.
    """
    held: list[dict[str, Any]] = []
    for row in rows:
        if not row.pop(RESTATED) or not work.facts.online:
            yield row
            continue
        held.append(row)
        if len(held) == _AT_ONCE:
            yield from _mend(work, done, held)
            held = []
    if held:
        yield from _mend(work, done, held)


def put_right(work: Work, record: dict[str, Any], online: dict[str, str] | None) -> bool:
    """Replace an online record of the same event time and other values; say whether it was."""
    wanted = {name: as_text(value) for name, value in record.items() if value is not None}
    at = wanted[work.group.event_time]
    if online is None or online == wanted or online[work.group.event_time] != at:
        return False
    store = work.platform.feature_store.online
    store.replace(work.facts.name, record, wanted[work.group.record_id], at)
    return True


def _mend(work: Work, done: Intake, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = list(dict.fromkeys(as_text(row[work.group.record_id]) for row in rows))
    found = work.platform.feature_store.online.get_many(work.facts.name, ids)
    for row in rows:
        done.mended += put_right(work, row, found.get(as_text(row[work.group.record_id])))
    return rows


def _write(work: Work, done: Intake) -> None:
    query = (
        feature_sql.unwritten(work.scope)
        if work.facts.table_format
        else feature_sql.newest_rows(work.scope)
    )
    rows = mended(work, done, work.rows(query, "unwritten"))
    done.add(work.platform.feature_store.ingest(work.facts.name, rows))


def _lacking(work: Work) -> int:
    if not work.facts.table_format:
        return 0
    query = feature_sql.counted(feature_sql.unwritten(work.scope))
    return int(next(work.rows(query, "count unwritten"))["n"])


def _wait_until_visible(work: Work) -> None:
    query = feature_sql.text_of(feature_sql.counted(feature_sql.unwritten(work.scope)))
    select = partial(
        work.platform.athena.select, query, database=work.database, intent=f"seen {work.facts.arn}"
    )
    looks = iter(range(1_000_000))

    def look() -> bool | None:
        # Each look is another query: the table has changed since.
        if int(select(salt=f"{work.salt}/{next(looks)}")[0]["n"]) == 0:
            return True
        work.platform.feature_store.check_offline(work.facts.name)
        return None

    what = f"feature group {work.facts.name} to show its records offline"
    wait_for(look, what, deadline=OFFLINE_DEADLINE, first=0.3)


def _row_count(work: Work, versions: Versions) -> int:
    if versions.rows is not None:
        return versions.rows
    counted = work.platform.athena.select(
        count_rows(work.group.dataset),
        database=work.database,
        intent=f"rows for {work.facts.arn}",
        salt=work.salt,
    )
    return int(counted[0]["n"])


def _scope(work: Work) -> Scope:
    facts, group = work.facts, work.group
    keys: set[str] = set()
    if facts.table_format == "Glue":
        table = work.platform.catalogue.table(facts.glue_database, facts.glue_table)
        keys = {each.name for each in table.partition_keys}
    return Scope(
        dataset=exp.table_(group.dataset, db=work.database, quoted=True),
        offline=exp.table_(facts.glue_table, db=facts.glue_database, quoted=True),
        record_id=group.record_id,
        event_time=group.event_time,
        features=tuple(group.features),
        partitioned=keys >= {"year", "month", "day"},
    )
