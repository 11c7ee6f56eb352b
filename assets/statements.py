"""SQL that assets compose around what is declared: CTAS, sample, count.

Built as sqlglot trees: names are quoted identifiers and values are literals, never pasted text.
What a dataset or a training set contains does not belong here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from usecases.sql import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_DIALECT = "athena"


def create_table_as(
    name: str, query: str, *, location: str, partitioned_by: Sequence[str] = ()
) -> str:
    """Return a CTAS of ``query`` into Parquet below ``location``.

    ``partitioned_by`` are the last columns of the query, in their order; Athena writes at most 100
    partitions at once.
    """
    properties = exp.Properties(
        expressions=[
            exp.FileFormatProperty(this=exp.Literal.string("PARQUET")),
            _property("external_location", location),
            _property("write_compression", "ZSTD"),
            *([_partitioned_by(partitioned_by)] if partitioned_by else []),
        ]
    )
    statement = exp.Create(
        this=exp.table_(name, quoted=True),
        kind="TABLE",
        properties=properties,
        expression=sqlglot.parse_one(query, dialect=_DIALECT),
    )
    return str(statement.sql(dialect=_DIALECT))


def drawn(name: str, columns: Sequence[str], id_column: str, *, seed: str, rows: int) -> str:
    """Return a SELECT of ``rows`` rows that look random, and are the same for the same seed."""
    picked = [exp.column(column, quoted=True) for column in columns]
    this = exp.column(id_column, quoted=True)
    text = exp.cast(this.copy(), exp.DataType.build("varchar", dialect=_DIALECT))
    salted = exp.func("CONCAT", exp.Literal.string(seed), text)
    lot = exp.func("md5", exp.func("to_utf8", salted, dialect=_DIALECT), dialect=_DIALECT)
    query = exp.select(*picked).from_(exp.table_(name, quoted=True))
    order = [exp.Ordered(this=lot), exp.Ordered(this=this)]
    return str(query.order_by(*order).limit(rows).sql(_DIALECT))


def immature(name: str, event_time: str, *, start: datetime, end: datetime) -> str:
    """Return a SELECT of one number, ``n``: the rows that are not from start until before end."""
    time = exp.column(event_time, quoted=True)
    outside = exp.or_(time < timestamp(start), time >= timestamp(end), time.is_(exp.null()))
    counted = exp.alias_(exp.Count(this=exp.Star()), "n")
    return str(
        exp.select(counted).from_(exp.table_(name, quoted=True)).where(outside).sql(_DIALECT)
    )


def count_rows(name: str) -> str:
    """Return a SELECT of one number, ``n``: Parquet's footers know it, no data is scanned."""
    counted = exp.alias_(exp.Count(this=exp.Star()), "n")
    return str(exp.select(counted).from_(exp.table_(name, quoted=True)).sql(_DIALECT))


def _partitioned_by(keys: Sequence[str]) -> exp.Property:
    names = [exp.Literal.string(key) for key in keys]
    return exp.Property(this=exp.var("partitioned_by"), value=exp.Array(expressions=names))


def _property(name: str, value: str) -> exp.Property:
    return exp.Property(this=exp.var(name), value=exp.Literal.string(value))
