"""The SQL of a training set: every row with the features that were known at its event time.

Generated from the declaration, in plain Trino SQL, as a syntax tree with quoted identifiers. To run
it, and to know the tables that it reads, belongs to the assets.

Each feature group's offline table is cleaned of repeated writes (the latest invocation of a record
at an event time wins), and LEAD gives each record the time at which the next one took its place. A
training row takes the record whose interval holds its event time. A deleted record stays in the
sequence, so that it ends the one before it, and gives nulls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from usecases.sql import DIALECT, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup, Join


@dataclass(frozen=True)
class Table:
    """A table of Glue's catalogue."""

    database: str
    name: str


@dataclass(frozen=True)
class Tables:
    """Where the rows and the features are: the spine's curated table, each group's offline one."""

    spine: Table
    groups: Mapping[str, Table]


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
    the label's delay are left out: among them, only the quick outcomes would be known.

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
    end = min(window.end, window.as_of - training.label.delay)
    query = exp.select(
        *(_from("spine", name) for name in (training.id, training.event_time)),
        _from("spine", training.label.column),
        *(_from("spine", name) for name in training.direct),
    ).from_(_identifier("spine"))
    query = query.with_("spine", as_=_spine(use_case, tables.spine, window.start, end))
    for join in training.joins:
        group = use_case.feature_group(join.group)
        latest, valid = f"{group.name}_latest", f"{group.name}_valid"
        query = query.with_(latest, as_=_latest(group, tables.groups[group.name], written_by))
        query = query.with_(valid, as_=_valid(group, latest))
        query = query.select(*(_unless_deleted(valid, name) for name in group.features))
        query = query.join(
            _identifier(valid),
            on=_holds(valid, join, training.event_time),
            join_type="left",
        )
    return str(query.sql(dialect=dialect, pretty=True))


def _spine(use_case: UseCase, table: Table, start: datetime, end: datetime) -> Any:
    training = use_case.training_set
    names = [training.id, training.event_time, training.label.column, *training.direct]
    names.extend(join.key for join in training.joins)
    time = _column(training.event_time)
    return (
        exp.select(*(_column(name) for name in dict.fromkeys(names)))
        .from_(_table(table))
        .where(time >= timestamp(start), time < timestamp(end))
        .where(_column(training.label.column).is_(exp.null()).not_())
    )


def _latest(group: FeatureGroup, table: Table, written_by: datetime | None) -> Any:
    """Number the writes of each record at each event time, latest first.

    Two writes within one millisecond are put in order by their content: which one wins is then
    arbitrary, but the same whenever the query runs, and so is the training set's digest.
    """
    tied = [_column("is_deleted"), *(_column(name) for name in group.features)]
    place = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_column(group.record_id), _column(group.event_time)],
        order=exp.Order(
            expressions=[
                exp.Ordered(this=_column("api_invocation_time"), desc=True),
                exp.Ordered(this=_column("write_time"), desc=True),
                *(exp.Ordered(this=column) for column in tied),
            ]
        ),
    )
    query = exp.select(
        exp.alias_(_column(group.record_id), "record_key", quoted=True),
        exp.alias_(_parsed(group.event_time), "valid_from", quoted=True),
        _column("is_deleted"),
        *(_column(name) for name in group.features),
        exp.alias_(place, "place", quoted=True),
    ).from_(_table(table))
    if written_by is not None:
        query = query.where(_column("write_time") <= timestamp(written_by))
    return query


def _valid(group: FeatureGroup, latest: str) -> Any:
    """Give each record the time at which the next one of its key took over."""
    until = exp.Window(
        this=exp.Lead(this=_column("valid_from")),
        partition_by=[_column("record_key")],
        order=exp.Order(expressions=[exp.Ordered(this=_column("valid_from"))]),
    )
    return (
        exp.select(
            _column("record_key"),
            _column("valid_from"),
            exp.alias_(until, "valid_to", quoted=True),
            _column("is_deleted"),
            *(_column(name) for name in group.features),
        )
        .from_(_identifier(latest))
        .where(_column("place").eq(1))
    )


def _holds(valid: str, join: Join, event_time: str) -> Any:
    moment = _from("spine", event_time)
    until = _from(valid, "valid_to")
    return exp.and_(
        _from(valid, "record_key").eq(_from("spine", join.key)),
        _from(valid, "valid_from") <= moment,
        exp.or_(until.is_(exp.null()), moment < until),
    )


def _unless_deleted(valid: str, name: str) -> Any:
    case = exp.Case().when(_from(valid, "is_deleted").not_(), _from(valid, name))
    return exp.alias_(case, name, quoted=True)


def _parsed(event_time: str) -> Any:
    """Read the Feature Store's ISO-8601 text ("2013-01-01T10:00:00Z") as a naive UTC timestamp.

    By text, because from_iso8601_timestamp gives a zoned time, and casting that to a naive one
    depends on the session's zone.
    """
    text = exp.Substring(
        this=_column(event_time), start=exp.Literal.number(1), length=exp.Literal.number(19)
    )
    plain = exp.func("REPLACE", text, exp.Literal.string("T"), exp.Literal.string(" "))
    return exp.cast(plain, exp.DataType.Type.TIMESTAMP)


def _identifier(name: str) -> Any:
    return exp.to_identifier(name, quoted=True)


def _column(name: str) -> Any:
    return exp.column(name, quoted=True)


def _from(table: str, name: str) -> Any:
    return exp.column(name, table=table, quoted=True)


def _table(table: Table) -> Any:
    return exp.table_(table.name, db=table.database, quoted=True)
