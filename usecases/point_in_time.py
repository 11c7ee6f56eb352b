"""The SQL of a training set: every row with the features that were known at its event time.

Generated from the declaration, in plain Trino SQL, as a syntax tree with quoted identifiers. To run
it, and to know the tables that it reads, belongs to the assets.

Two times matter. A row takes, of each group, the record with the latest event time that is not
after its own (what was true then); and only records written by ``written_by`` are looked at (what
was known by then), so a past training set can be made again after the store has moved on.

Which record held is found in one of two ways, by how many records a key has (held_records.py). A
deleted record stays in the sequence, so that it ends the one before it, and gives nulls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from usecases.held_records import DELETED, FROM, INVOKED, KEY, WRITTEN, by_interval, carried
from usecases.sql import DIALECT, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup, Join


@dataclass(frozen=True)
class Table:
    """A table of Glue's catalogue.

    Attributes:
        precise: It is an Iceberg table, whose timestamps have microseconds: Athena writes
            milliseconds to Parquet, and refuses to round by itself.
    """

    database: str
    name: str
    precise: bool = False


@dataclass(frozen=True)
class Tables:
    """Where the rows and the features are: the spine's curated table, each group's offline one.

    Attributes:
        crowded: The groups that have many records a key. It makes no difference to the rows.
    """

    spine: Table
    groups: Mapping[str, Table]
    crowded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Window:
    """Event times from start until before end, as known at as_of. All naive UTC."""

    start: datetime
    end: datetime
    as_of: datetime


def training_set_sql(
    use_case: UseCase,
    tables: Tables,
    window: Window,
    *,
    written_by: datetime | None = None,
    dialect: str = DIALECT,
) -> str:
    """Write the query of a training set.

    Its columns are id, event time and label, then the features in declared order. Rows younger than
    the label's delay are left out: among them, only the quick outcomes would be known. Rows come in
    the order of the spine's columns, id first, where the engine keeps an order at all: Athena may
    drop it when it writes a table.

    Args:
        use_case: What to learn.
        tables: Where to read; every joined group must be there.
        window: Which rows; only labels that were due by its as_of count.
        written_by: Leave out feature records written later; none are left out by default.
        dialect: Any that sqlglot writes; Athena unless told.

    Raises:
        KeyError: If a joined group has no table.
    """
    training = use_case.training_set
    end = due_before(use_case, window)
    names = spine_columns(use_case)
    query = exp.select(
        *(_from("spine", name) for name in (training.id, training.event_time)),
        _from("spine", training.label.column),
        *(_from("spine", name) for name in training.direct),
    ).from_(_identifier("spine"))
    query = query.with_("spine", as_=_spine(use_case, tables.spine, window.start, end))
    for join in training.joins:
        group = use_case.feature_group(join.group)
        records, table = f"{group.name}_records", tables.groups[group.name]
        way = carried if group.name in tables.crowded else by_interval
        held = way(group, join, records, training.event_time)
        query = query.with_(records, as_=_records(group, table, written_by, end))
        for name, each in held.tables.items():
            query = query.with_(name, as_=each)
        known = _known(held.relation, join, training.event_time)
        query = query.select(*(_where_known(held.relation, name, known) for name in group.features))
        query = query.join(_identifier(held.relation), on=held.on, join_type="left")
    query = query.order_by(*(exp.Ordered(this=_from("spine", name)) for name in names))
    return str(query.sql(dialect=dialect, pretty=True))


def due_before(use_case: UseCase, window: Window) -> datetime:
    """Give the event time from which on rows are left out: their outcome may not be in yet."""
    return min(window.end, window.as_of - use_case.training_set.label.delay)


def spine_columns(use_case: UseCase) -> tuple[str, ...]:
    """Give the columns that a training set takes from its spine, keys of the joins included."""
    training = use_case.training_set
    names = [training.id, training.event_time, training.label.column, *training.direct]
    names.extend(join.key for join in training.joins)
    return tuple(dict.fromkeys(names))


def offline_state_sql(
    group: FeatureGroup,
    table: Table,
    *,
    written_by: datetime | None = None,
    dialect: str = DIALECT,
) -> str:
    """Write the query of an offline table's state: ``records``, ``last`` write, number of ``keys``.

    The offline store only ever grows, so the first two tell its states apart.
    """
    keys = exp.Count(this=exp.Distinct(expressions=[_column(group.record_id)]))
    query = exp.select(
        exp.alias_(exp.Count(this=exp.Star()), "records"),
        exp.alias_(keys, "keys"),
        exp.alias_(exp.Max(this=_column("write_time")), "last"),
    ).from_(_table(table))
    return str(_written(query, written_by).sql(dialect=dialect))


def plain_records_sql(
    group: FeatureGroup,
    table: Table,
    keys: Sequence[Any],
    *,
    dialect: str = DIALECT,
) -> str:
    """Write the query of everything the offline store holds of some keys: no join, no window.

    It is what brute force starts from, so it shares nothing with the join but the column names.
    """
    names = [group.record_id, group.event_time, *group.features]
    names += ["write_time", "api_invocation_time", "is_deleted"]
    query = exp.select(*(_column(name) for name in names)).from_(_table(table))
    wanted = _column(group.record_id).isin(*(exp.convert(key) for key in keys))
    return str(query.where(wanted).sql(dialect=dialect))


def _spine(use_case: UseCase, table: Table, start: datetime, end: datetime) -> Any:
    training = use_case.training_set
    time = _column(training.event_time)
    return (
        exp.select(
            *(
                _rounded(name) if table.precise and name == training.event_time else _column(name)
                for name in spine_columns(use_case)
            )
        )
        .from_(_table(table))
        .where(time >= timestamp(start), time < timestamp(end))
        .where(_column(training.label.column).is_(exp.null()).not_())
    )


def _rounded(name: str) -> Any:
    # "Incorrect timestamp precision for timestamp(6); the configured precision is MILLISECONDS":
    # https://github.com/aws/aws-sdk-pandas/issues/2252
    milliseconds = exp.DataType.build("timestamp(3)", dialect=DIALECT)
    return exp.alias_(exp.cast(_column(name), milliseconds), name, quoted=True)


def _records(group: FeatureGroup, table: Table, written_by: datetime | None, end: datetime) -> Any:
    """Read a group's records; those that only take effect after the last row's time are no help."""
    query = (
        exp.select(
            exp.alias_(_column(group.record_id), KEY, quoted=True),
            exp.alias_(_parsed(group.event_time), FROM, quoted=True),
            exp.alias_(_column("api_invocation_time"), INVOKED, quoted=True),
            exp.alias_(_column("write_time"), WRITTEN, quoted=True),
            exp.alias_(_column("is_deleted"), DELETED, quoted=True),
            *(_column(name) for name in group.features),
        )
        .from_(_table(table))
        .where(_column(group.event_time) < _text_after(end))
    )
    return _written(query, written_by)


def _written(query: Any, written_by: datetime | None) -> Any:
    if written_by is None:
        return query
    return query.where(_column("write_time") <= timestamp(written_by))


def _known(valid: str, join: Join, event_time: str) -> Any:
    """Say whether the record that holds still tells anything: not deleted, and not too old."""
    alive = _from(valid, DELETED).not_()
    if join.max_age is None:
        return alive
    minutes = exp.Literal.string(str(int(join.max_age / timedelta(minutes=1))))
    oldest = exp.Sub(
        this=_from("spine", event_time),
        expression=exp.Interval(this=minutes, unit=exp.var("MINUTE")),
    )
    return exp.and_(alive, _from(valid, FROM) >= oldest)


def _where_known(valid: str, name: str, known: Any) -> Any:
    case = exp.Case().when(known.copy(), _from(valid, name))
    return exp.alias_(case, name, quoted=True)


def _parsed(event_time: str) -> Any:
    """Read the Feature Store's ISO-8601 text as a naive UTC timestamp.

    It is "2013-01-01T10:00:00Z" or "2013-01-01T10:00:00.000Z", always UTC, and the milliseconds
    count: without them a record would be known up to a second before it was. By date_parse, because
    from_iso8601_timestamp gives a zoned time, and casting that to a naive one depends on the
    session's zone; with both forms spelled out it also reads a third faster than a cast of the
    trimmed text.
    """
    whole = exp.Length(this=_column(event_time)).eq(len("2013-01-01T10:00:00Z"))
    seconds, parts = (
        exp.StrToTime(this=_column(event_time), format=exp.Literal.string(form))
        for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")
    )
    return exp.Case().when(whole, seconds).else_(parts)


def _text_after(moment: datetime) -> Any:
    """Write a time so that the texts of all records before it are smaller.

    ISO texts of whole seconds and of milliseconds sort as their times do up to the second; so it is
    rounded up, and a record of the second begun may slip through, which is later than every row.
    Compared as text, Parquet's statistics can skip what is too new, and nothing is parsed twice.
    """
    whole = moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)
    return exp.Literal.string(whole.isoformat(timespec="seconds"))


def _identifier(name: str) -> Any:
    return exp.to_identifier(name, quoted=True)


def _column(name: str) -> Any:
    return exp.column(name, quoted=True)


def _from(table: str, name: str) -> Any:
    return exp.column(name, table=table, quoted=True)


def _table(table: Table) -> Any:
    return exp.table_(table.name, db=table.database, quoted=True)
