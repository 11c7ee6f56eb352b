"""SQL between a dataset and a feature group's offline store: what lacks, is newest, goes in.

Built as sqlglot trees: names are quoted identifiers and values are literals, never pasted text.
Running it belongs to features.py, backfill.py and skew.py.

An offline store may hold a record more than once: each write appends a copy. Of equal record id and
event time the copy written last is the one that counts (``api_invocation_time``, then
``write_time``), as it is for a training set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from assets.dataset_days import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIALECT = "athena"
#: Which rows were there before with other values: their online record does not give way.
RESTATED = "restated"
_MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """A dataset, the offline store it feeds, and the part of both that is looked at.

    Attributes:
        features: Columns besides record id and event time.
        days: Values of the dataset's partition key ``dt``, the day of the event time; all if None.
        partitioned: The offline table has the partition keys year, month and day.
        since, until: Event times, the second excluded; unbounded if None.
    """

    dataset: exp.Table
    offline: exp.Table
    record_id: str
    event_time: str
    features: tuple[str, ...]
    days: tuple[str, ...] | None = None
    partitioned: bool = False
    since: datetime | None = None
    until: datetime | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column that is written."""
        return (self.record_id, self.event_time, *self.features)

    def between(self, since: datetime, until: datetime) -> Scope:
        """Return the part of it in some event times."""
        return replace(self, since=since, until=until)


def unwritten(scope: Scope) -> exp.Select:
    """Return the dataset's rows that the offline store lacks or has otherwise, and RESTATED.

    A row is written when the newest copy of it equals it in every column. A restated row is
    therefore written again, also back to what it once was, and a resumed ingest writes just what
    is missing.
    """
    row = exp.alias_(scope.dataset, "d", table=True)
    same = exp.and_(
        exp.EQ(this=_column(scope.record_id, "o"), expression=_column(scope.record_id, "d")),
        exp.EQ(
            this=_column(scope.event_time, "o"), expression=iso_text(_column(scope.event_time, "d"))
        ),
        exp.EQ(this=_column("copy", "o"), expression=exp.Literal.number(1)),
    )
    absent = exp.Is(this=_column(scope.record_id, "o"), expression=exp.Null())
    differs = [
        exp.NullSafeNEQ(this=_column(name, "o"), expression=_column(name, "d"))
        for name in scope.features
    ]
    restated = exp.alias_(exp.not_(absent.copy()), RESTATED, quoted=True)
    return (
        exp.select(*(_column(name, "d") for name in scope.columns), restated)
        .from_(row)
        .join(_copies(scope), on=same, join_type="left")
        .where(exp.or_(absent, _column("is_deleted", "o"), *differs))
        .where(*_rows_wanted(scope))
    )


def counted(query: exp.Select) -> exp.Select:
    """Return one row: ``n``, how many rows a query has, and ``restated``, how many of them are."""
    star, restated = exp.Count(this=exp.Star()), exp.CountIf(this=exp.column(RESTATED, quoted=True))
    return exp.select(
        exp.alias_(star, "n", quoted=True), exp.alias_(restated, RESTATED, quoted=True)
    ).from_(query.subquery("unwritten"))


def newest_unwritten(scope: Scope) -> exp.Select:
    """Return of the unwritten rows the newest of each record id, and RESTATED."""
    return _newest_of(unwritten(scope), scope)


def newest_rows(scope: Scope) -> exp.Select:
    """Return the dataset's newest row of each record id, and RESTATED: it may be that it is."""
    restated = exp.alias_(exp.true(), RESTATED, quoted=True)
    rows = exp.select(*(_column(name, "d") for name in scope.columns), restated)
    dataset = exp.alias_(scope.dataset, "d", table=True)
    return _newest_of(rows.from_(dataset).where(*_rows_wanted(scope)), scope)


def newest_stored(
    scope: Scope, *, sample: int = 0, ids: Sequence[Any] = (), expires_after: datetime | None = None
) -> exp.Select:
    """Return the newest record of each id that the offline store holds and was not deleted.

    Args:
        scope: The offline store; the dataset is not read.
        sample: Only so many ids, chosen by the MD5 of the id: the same ones as long as they exist.
        ids: Only these ids, deleted ones included.
        expires_after: Only records of a later event time (naive UTC): older ones have expired.
    """
    moment = exp.func("from_iso8601_timestamp", exp.column(scope.event_time, quoted=True),
                      dialect=_DIALECT)  # fmt: skip
    newest = exp.Window(
        this=exp.RowNumber(),
        partition_by=[exp.column(scope.record_id, quoted=True)],
        order=_newest_first(moment),
    )
    names = [*scope.columns, "is_deleted"]
    picked = [exp.column(name, quoted=True) for name in names]
    ranked = exp.select(*picked, exp.alias_(newest, "place", quoted=True)).from_(scope.offline)
    if ids:
        wanted = [exp.Literal.string(one) if isinstance(one, str) else exp.convert(one)
                  for one in ids]  # fmt: skip
        ranked = ranked.where(exp.column(scope.record_id, quoted=True).isin(*wanted))
    query = (
        exp.select(*(column.copy() for column in picked))
        .from_(ranked.subquery("r"))
        .where(exp.EQ(this=exp.column("place", quoted=True), expression=exp.Literal.number(1)))
    )
    if not ids:
        query = query.where(exp.not_(exp.column("is_deleted", quoted=True)))
    if expires_after is not None:
        at = exp.column(scope.event_time, quoted=True)
        query = query.where(exp.GT(this=at, expression=_text(_iso(expires_after))))
    if sample:
        query = query.order_by(_shuffled(scope.record_id)).limit(sample)
    return query


def text_of(query: exp.Expression) -> str:
    """Return a query as Athena reads it."""
    return str(query.sql(_DIALECT))


def iso_text(moment: exp.Expression) -> exp.Expression:
    """Return a naive UTC timestamp as ``2013-01-01T10:00:00Z``, with milliseconds if any."""
    to_seconds, fraction = (
        exp.func("date_format", moment.copy(), _text(pattern), dialect=_DIALECT)
        for pattern in ("%Y-%m-%dT%H:%i:%s", "%f")
    )
    zero, three = _text("000"), exp.func("substr", fraction, exp.Literal.number(1),
                                         exp.Literal.number(3), dialect=_DIALECT)  # fmt: skip
    rest = exp.If(this=exp.EQ(this=three, expression=zero), true=_text("Z"))
    some = exp.func("concat", _text("."), three.copy(), _text("Z"), dialect=_DIALECT)
    ending = exp.Case(ifs=[rest], default=some)
    return exp.func("concat", to_seconds, ending, dialect=_DIALECT)


def _newest_of(rows: exp.Select, scope: Scope) -> exp.Select:
    newest = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_column(scope.record_id, "u")],
        order=exp.Order(expressions=[exp.Ordered(this=_column(scope.event_time, "u"), desc=True)]),
    )
    names = [*scope.columns, RESTATED]
    ranked = exp.select(
        *(_column(name, "u") for name in names), exp.alias_(newest, "place", quoted=True)
    ).from_(rows.subquery("u"))
    first = exp.EQ(this=exp.column("place", quoted=True), expression=exp.Literal.number(1))
    picked = [exp.column(name, quoted=True) for name in names]
    return exp.select(*picked).from_(ranked.subquery("r")).where(first)


def _copies(scope: Scope) -> exp.Subquery:
    """Return the offline store with each copy's place, the newest first."""
    newest = exp.Window(
        this=exp.RowNumber(),
        partition_by=[exp.column(n, quoted=True) for n in (scope.record_id, scope.event_time)],
        order=_newest_first(),
    )
    names = [*scope.columns, "is_deleted"]
    query = exp.select(
        *(exp.column(name, quoted=True) for name in names), exp.alias_(newest, "copy", quoted=True)
    ).from_(scope.offline)
    return query.where(*_records_wanted(scope)).subquery("o")


def _newest_first(*before: exp.Expression) -> exp.Order:
    columns = [exp.column(name, quoted=True) for name in ("api_invocation_time", "write_time")]
    return exp.Order(
        expressions=[exp.Ordered(this=each, desc=True) for each in [*before, *columns]]
    )


def _rows_wanted(scope: Scope) -> list[exp.Expression]:
    """Return the conditions on the dataset's rows."""
    wanted: list[exp.Expression] = []
    if scope.days is not None:
        key = _column(DAY, "d")
        if len(scope.days) > _MOST_LISTED:  # a few days too many cost a scan, never a row
            wanted.append(_between(key, min(scope.days), max(scope.days)))
        else:
            wanted.append(key.isin(*(_text(day) for day in scope.days)))
    moment = _column(scope.event_time, "d")
    if scope.since is not None:
        wanted.append(exp.GTE(this=moment, expression=_timestamp(scope.since)))
    if scope.until is not None:
        wanted.append(exp.LT(this=moment.copy(), expression=_timestamp(scope.until)))
    return wanted


def _records_wanted(scope: Scope) -> list[exp.Expression]:
    """Return the conditions on the offline store's records, which prune its files."""
    if scope.since is not None and scope.until is not None:
        since, until = scope.since, scope.until
    elif scope.days:
        since = datetime.fromisoformat(min(scope.days))
        until = datetime.fromisoformat(max(scope.days)) + timedelta(days=1)
    else:
        return []
    moment = exp.column(scope.event_time, quoted=True)
    # Text compares as time does: all of it is ISO 8601 in UTC, and the bounds are whole hours.
    wanted: list[exp.Expression] = [
        exp.GTE(this=moment, expression=_text(_iso(since))),
        exp.LT(this=moment.copy(), expression=_text(_iso(until))),
    ]
    if scope.partitioned:
        dash = _text("-")
        parts = [exp.column(name, quoted=True) for name in ("year", "month", "day")]
        day = exp.func("concat", parts[0], dash, parts[1], dash.copy(), parts[2], dialect=_DIALECT)
        last = until - timedelta(microseconds=1)
        wanted.append(_between(day, f"{since:%Y-%m-%d}", f"{last:%Y-%m-%d}"))
    return wanted


def _shuffled(record_id: str) -> exp.Expression:
    text = exp.cast(exp.column(record_id, quoted=True), "varchar", dialect=_DIALECT)
    octets = exp.Anonymous(this="to_utf8", expressions=[text])
    return exp.Anonymous(this="md5", expressions=[octets])


def _between(this: exp.Expression, low: str, high: str) -> exp.Expression:
    return exp.Between(this=this, low=_text(low), high=_text(high))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _timestamp(moment: datetime) -> exp.Expression:
    text = moment.isoformat(sep=" ", timespec="milliseconds")
    return exp.cast(_text(text), exp.DataType.Type.TIMESTAMP)


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def _column(name: str, table: str) -> exp.Column:
    return exp.column(name, table=table, quoted=True)
