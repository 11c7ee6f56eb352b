"""Which record of a feature group held at a row's event time: two ways to say it in SQL.

Both take the group's records, ``_key``, ``_from``, the two times of writing, ``_deleted`` and the
features, and give the same row for row (a property test holds them to brute force). They differ in
what they cost:

- **By interval** each record is given the time at which the next one of its key took its place, by
  one LEAD over the records in the order of event time, API invocation and write; a row takes the
  record whose ``[from, to)`` holds its event time. Of several records of one event time all but the
  last written have an empty interval: they need no clean-up of their own. Engines find the interval
  by trying every record of the key, so it is the way of many keys with few records each.
- **Carried** the rows' moments are sorted in among the records, each takes the number of the record
  before it, and fetches that one. It sorts more, and tries nothing: the way of few keys with many
  records, weather at three airports say, where the other way meets 10^9 pairs in a year.

What else a training set's query says is in point_in_time.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from usecases.fields import FeatureGroup, Join

# A declared name starts with a letter, so none of these can be a feature's.
KEY, FROM, DELETED = "_key", "_from", "_deleted"
INVOKED, WRITTEN = "_invoked", "_written"
_TO, _AT, _ASKS, _NUMBER = "_to", "_at", "_asks", "_number"

_CROWDED = 100
"""Records a key from which on they are carried.

Measured on 3.3 M records and 1 M rows in DuckDB: at 33 records a key, trying them took 1.4 of 5.6
CPU seconds, and carrying took 8.2 in all; so the two meet at about 95.
"""


@dataclass(frozen=True)
class Held:
    """What a query needs to take the record that held.

    Attributes:
        tables: Common table expressions, by name, in the order in which they build on each other.
        relation: The one to join; it has ``FROM``, ``DELETED`` and the features.
        on: When one of its records is a row's.
    """

    tables: dict[str, Any]
    relation: str
    on: Any


def carrying_pays(records: int, keys: int) -> bool:
    """Say whether a group has so many records a key that they should be carried."""
    return records > _CROWDED * max(keys, 1)


def by_interval(group: FeatureGroup, join: Join, records: str, event_time: str) -> Held:
    """Give each record the interval in which it held. ``records`` and ``spine`` are relations."""
    valid = f"{group.name}_valid"
    until = exp.Window(
        this=exp.Lead(this=_column(FROM)),
        partition_by=[_column(KEY)],
        order=_in_order(FROM, INVOKED, WRITTEN, DELETED, *group.features),
    )
    query = exp.select(
        *(_column(name) for name in (KEY, FROM, DELETED, *group.features)),
        exp.alias_(until, _TO, quoted=True),
    ).from_(_identifier(records))
    moment, end = _column(event_time, "spine"), _column(_TO, valid)
    on = exp.and_(
        _column(KEY, valid).eq(_column(join.key, "spine")),
        _column(FROM, valid) <= moment,
        exp.or_(end.is_(exp.null()), moment < end),
    )
    return Held({valid: query}, valid, on)


def carried(group: FeatureGroup, join: Join, records: str, event_time: str) -> Held:
    """Number the records of a key and let each of the rows' moments take the newest before it."""
    line, held = f"{group.name}_line", f"{group.name}_held"
    names = [KEY, FROM, INVOKED, WRITTEN, DELETED, *group.features]
    both = exp.union(
        exp.select(
            *(_column(name) for name in names), exp.alias_(exp.false(), _ASKS, quoted=True)
        ).from_(_identifier(records)),
        _moments(join, event_time, names),
        distinct=False,
    )
    query = exp.select(
        *(_column(name) for name in (KEY, FROM, DELETED, *group.features, _ASKS)),
        exp.alias_(_counted(group), _NUMBER, quoted=True),
    ).from_(both.subquery("both"))
    on = exp.and_(
        _column(KEY, held).eq(_column(join.key, "spine")),
        _column(_AT, held).eq(_column(event_time, "spine")),
    )
    return Held({line: query, held: _fetched(group, line)}, held, on)


def _moments(join: Join, event_time: str, names: list[str]) -> Any:
    """Select each key and event time of the spine once, in the columns of the records."""
    asked = {KEY: _column(join.key), FROM: _column(event_time)}
    columns = [exp.alias_(asked.get(name, exp.null()).copy(), name, quoted=True) for name in names]
    return (
        exp.select(*columns, exp.alias_(exp.true(), _ASKS, quoted=True))
        .from_(_identifier("spine"))
        .distinct()
    )


def _counted(group: FeatureGroup) -> Any:
    """Count the records of the key so far; at one moment the records come before who asks."""
    record = exp.Case().when(_column(_ASKS).not_(), exp.Literal.number(1))
    return exp.Window(
        this=exp.Count(this=record),
        partition_by=[_column(KEY)],
        order=_in_order(FROM, _ASKS, INVOKED, WRITTEN, DELETED, *group.features),
        spec=exp.WindowSpec(
            kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"
        ),
    )


def _fetched(group: FeatureGroup, line: str) -> Any:
    asks, record = "asks", "record"
    return (
        exp.select(
            _column(KEY, asks),
            exp.alias_(_column(FROM, asks), _AT, quoted=True),
            *(_column(name, record) for name in (FROM, DELETED, *group.features)),
        )
        .from_(exp.table_(line, quoted=True, alias=asks))
        .join(
            exp.table_(line, quoted=True, alias=record),
            on=exp.and_(
                _column(KEY, asks).eq(_column(KEY, record)),
                _column(_NUMBER, asks).eq(_column(_NUMBER, record)),
            ),
        )
        .where(_column(_ASKS, asks), _column(_ASKS, record).not_())
    )


def _in_order(*names: str) -> Any:
    return exp.Order(expressions=[exp.Ordered(this=_column(name)) for name in names])


def _identifier(name: str) -> Any:
    return exp.to_identifier(name, quoted=True)


def _column(name: str, table: str | None = None) -> Any:
    return exp.column(name, table=table, quoted=True)
