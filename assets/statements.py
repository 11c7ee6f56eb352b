"""SQL that assets compose around what is declared: CTAS, sample, what the Feature Store lacks.

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


def create_table_as(name: str, query: str, *, location: str) -> str:
    """Return a CTAS of ``query`` into Parquet below ``location``."""
    properties = exp.Properties(
        expressions=[
            exp.FileFormatProperty(this=exp.Literal.string("PARQUET")),
            _property("external_location", location),
            _property("write_compression", "ZSTD"),
        ]
    )
    statement = exp.Create(
        this=exp.table_(name, quoted=True),
        kind="TABLE",
        properties=properties,
        expression=sqlglot.parse_one(query, dialect=_DIALECT),
    )
    return str(statement.sql(dialect=_DIALECT))


def sample(name: str, columns: Sequence[str], rows: int) -> str:
    """Return a SELECT of at most ``rows`` rows."""
    picked = [exp.column(column, quoted=True) for column in columns]
    query = exp.select(*picked).from_(exp.table_(name, quoted=True)).limit(rows)
    return str(query.sql(_DIALECT))


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


def unwritten_records(
    dataset: exp.Table,
    offline: exp.Table,
    *,
    record_id: str,
    event_time: str,
    columns: Sequence[str],
) -> str:
    """Return a SELECT of the dataset's rows that the offline store lacks or has otherwise.

    The offline store holds text event times and may hold a record more than once; a row counts as
    written when some copy of it equals it in every column. A restated row is therefore written
    again, and a resumed ingest writes just what is missing.
    """
    row, kept = exp.alias_(dataset, "d", table=True), exp.alias_(offline, "o", table=True)
    same = [
        exp.EQ(this=_column(record_id, "o"), expression=_column(record_id, "d")),
        exp.EQ(this=_column(event_time, "o"), expression=iso_text(_column(event_time, "d"))),
        *(
            exp.NullSafeEQ(this=_column(name, "o"), expression=_column(name, "d"))
            for name in columns
            if name not in (record_id, event_time)
        ),
        exp.Not(this=_column("is_deleted", "o")),
    ]
    picked = [_column(name, "d") for name in columns]
    absent = exp.Is(this=_column(record_id, "o"), expression=exp.Null())
    joined = exp.select(*picked).from_(row).join(kept, on=exp.and_(*same), join_type="left")
    return str(joined.where(absent).sql(_DIALECT))


def iso_text(moment: exp.Expression) -> exp.Expression:
    """Return a naive UTC timestamp as the text ``2013-01-01T10:00:00Z``."""
    pattern = exp.Literal.string("%Y-%m-%dT%H:%i:%sZ")
    return exp.func("date_format", moment, pattern, dialect=_DIALECT)


def _column(name: str, table: str) -> exp.Column:
    return exp.column(name, table=table, quoted=True)


def _property(name: str, value: str) -> exp.Property:
    return exp.Property(this=exp.var(name), value=exp.Literal.string(value))
