"""The SQL of what the monitor step looks at: new rows with their features, and the champion's own.

New rows are made as training would make them now: the training set's own query, over the datasets'
SQL instead of their tables. So the monitors see what has landed though no dataset was refreshed
since the last training, and without writing anything but the sample.

A sample is the rows whose id has the smallest digests: the same rows whenever it is drawn, and for
whichever engine. Running the SQL belongs to the sensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from usecases.point_in_time import Table, Tables, Window, training_set_sql
from usecases.sql import DIALECT, bind, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup

PART = "_part"
"""Column of the champion's rows: "test" for the newest days of its set, "train" for the others."""

_LANDED = "landed"
_PLACE = "_place"


@dataclass(frozen=True, slots=True)
class Span:
    """Event times from start on whose outcome is due by as_of. Both naive UTC."""

    start: datetime
    as_of: datetime


def landed_rows_sql(use_case: UseCase, span: Span, rows: int) -> str:
    """Write the query of at most ``rows`` new rows: id, event time, label and features."""
    groups = {
        join.group: Table(_LANDED, f"group_{join.group}") for join in use_case.training_set.joins
    }
    tables = Tables(Table(_LANDED, "spine"), groups)
    text = training_set_sql(use_case, tables, Window(span.start, span.as_of, span.as_of))
    sources = {"spine": _rows_of(use_case, use_case.training_set.spine, span, span.start)}
    for join in use_case.training_set.joins:
        group = use_case.feature_group(join.group)
        sources[f"group_{join.group}"] = _as_offline(use_case, group, span)
    query = sqlglot.parse_one(text, dialect=DIALECT).transform(lambda node: _filled(node, sources))
    sample = (
        exp.select(*(_column(name) for name in query.named_selects))
        .from_(query.subquery("new_rows"))
        .order_by(*(exp.Ordered(this=each) for each in _lot(use_case.training_set.id)))
        .limit(rows)
    )
    return str(sample.sql(dialect=DIALECT, pretty=True, comments=False))


def served_rows_sql(use_case: UseCase, table: Table, span: Span, version: int, rows: int) -> str:
    """Write the query of at most ``rows`` requests that a version answered, as they were sent.

    Same columns as the new rows, the label null: of what was served it is not waited for. The
    table is docs/drift/quality.md's. Where no event time was sent, the answer's time stands for it.
    """
    training = use_case.training_set
    moment = exp.Coalesce(this=_column("event_time"), expressions=[_column("predicted_at")])
    days = [span.start.date().isoformat(), span.as_of.date().isoformat()]
    label = exp.cast(exp.null(), exp.DataType.build("integer", dialect=DIALECT))
    sample = (
        exp.select(
            exp.alias_(_column("event_id"), training.id, quoted=True),
            exp.alias_(moment, training.event_time, quoted=True),
            exp.alias_(label, training.label.column, quoted=True),
            *(_sent(feature.name, feature.kind) for feature in use_case.features),
        )
        .from_(_table(table))
        .where(
            _column("dt").between(*(exp.Literal.string(day) for day in days)),
            _column("model_version").eq(exp.Literal.number(version)),
            moment.copy() >= timestamp(span.start),
            moment.copy() < timestamp(span.as_of),
        )
        .order_by(*(exp.Ordered(this=each) for each in _lot("event_id")))
        .limit(rows)
    )
    return str(sample.sql(dialect=DIALECT, pretty=True))


def newest_event_sql(table: Table, event_time: str) -> str:
    """Write the query of a set's newest event time: one row, ``newest``."""
    newest = exp.alias_(exp.Max(this=_column(event_time)), "newest", quoted=True)
    return str(exp.select(newest).from_(_table(table)).sql(dialect=DIALECT))


def champion_rows_sql(
    table: Table, columns: Sequence[str], *, id_column: str, event_time: str, test_after: datetime,
    rows: int,
) -> str:  # fmt: skip
    """Write the query of at most ``rows`` training and ``rows`` test rows of a training set."""
    is_test = _column(event_time) > timestamp(test_after)
    part = exp.Case().when(is_test, exp.Literal.string("test")).else_(exp.Literal.string("train"))
    named = exp.select(
        *(_column(name) for name in columns), exp.alias_(part, PART, quoted=True)
    ).from_(_table(table))
    place = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_column(PART)],
        order=exp.Order(expressions=[exp.Ordered(this=each) for each in _lot(id_column)]),
    )
    ranked = exp.select(
        *(_column(name) for name in (*columns, PART)), exp.alias_(place, _PLACE, quoted=True)
    ).from_(named.subquery("named"))
    chosen = (
        exp.select(*(_column(name) for name in (*columns, PART)))
        .from_(ranked.subquery("ranked"))
        .where(_column(_PLACE) <= exp.Literal.number(rows))
    )
    return str(chosen.sql(dialect=DIALECT, pretty=True))


def unload_sql(query: str, location: str) -> str:
    """Write the statement that puts a query's rows into Parquet files below an empty location."""
    # sqlglot has no UNLOAD; the query is a tree's text, the location a literal.
    place = exp.Literal.string(location).sql(dialect=DIALECT)
    return f"UNLOAD ({query}) TO {place} WITH (format = 'PARQUET')"


def _rows_of(use_case: UseCase, dataset: str, span: Span, start: datetime) -> Any:
    """Give a dataset's rows since start as known at the span's as_of, from the raw tables."""
    text = bind(
        use_case.queries[dataset], window_start=start, window_end=span.as_of, as_of=span.as_of
    )
    return sqlglot.parse_one(text, dialect=DIALECT)


def _as_offline(use_case: UseCase, group: FeatureGroup, span: Span) -> Any:
    """Give a group's rows as its offline table would hold them, as far back as a training looks."""
    start = span.as_of - use_case.training_set.window - timedelta(days=1)
    made = _rows_of(use_case, group.dataset, span, min(start, span.start))
    pattern = exp.Literal.string("%Y-%m-%dT%H:%i:%s.%fZ")
    moment = exp.func("date_format", _column(group.event_time), pattern, dialect=DIALECT)
    written = timestamp(span.as_of)
    return exp.select(
        _column(group.record_id),
        exp.alias_(moment, group.event_time, quoted=True),
        *(_column(name) for name in group.features),
        exp.alias_(written, "write_time", quoted=True),
        exp.alias_(written.copy(), "api_invocation_time", quoted=True),
        exp.alias_(exp.false(), "is_deleted", quoted=True),
    ).from_(made.subquery("made"))


def _filled(node: Any, sources: dict[str, Any]) -> Any:
    if isinstance(node, exp.Table) and node.db == _LANDED:
        return sources[node.name].subquery(node.name)
    return node


def _sent(name: str, kind: str) -> Any:
    """Give a feature out of the JSON that was sent; a number that is none counts as missing."""
    path = exp.Literal.string(f"$.{name}")
    text = exp.func("json_extract_scalar", _column("features"), path, dialect=DIALECT)
    typed = "double" if kind == "numeric" else "varchar"
    value = exp.TryCast(this=text, to=exp.DataType.build(typed, dialect=DIALECT))
    return exp.alias_(value, name, quoted=True)


def _lot(id_column: str) -> list[Any]:
    """Give the order of a drawing: by the id's digest, then by the id."""
    this = _column(id_column)
    text = exp.cast(this, exp.DataType.build("varchar", dialect=DIALECT))
    digest = exp.func("md5", exp.func("to_utf8", text, dialect=DIALECT), dialect=DIALECT)
    return [digest, this.copy()]


def _column(name: str) -> Any:
    return exp.column(name, quoted=True)


def _table(table: Table) -> Any:
    return exp.table_(table.name, db=table.database, quoted=True)
