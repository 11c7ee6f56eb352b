"""SQL that changes Iceberg tables, as Athena's engine version 3 takes it.

Built as sqlglot trees: names are quoted identifiers and values are literals, never pasted text.
When which of it runs belongs to iceberg_publish.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DIALECT = "athena"


def create_from(
    name: str,
    source: str,
    columns: Mapping[str, str],
    *,
    location: str,
    partition: str | None = None,
    only: Sequence[str] | None = None,
) -> str:
    """Return a CTAS of an Iceberg table of rows of another; at most 100 partitions at once.

    Args:
        name: The new table's.
        source: The table that has the rows.
        columns: Name to Hive type, the partition's included.
        location: S3 URI of a folder that is empty.
        partition: The column that files are kept apart by.
        only: Values of ``partition``; all rows if None.
    """
    properties = exp.Properties(
        expressions=[
            _property("table_type", exp.Literal.string("ICEBERG")),
            _property("is_external", exp.false()),
            exp.FileFormatProperty(this=exp.Literal.string("PARQUET")),
            _property("write_compression", exp.Literal.string("ZSTD")),
            _property("location", exp.Literal.string(location)),
            *(
                [_property("partitioning", exp.Array(expressions=[exp.Literal.string(partition)]))]
                if partition
                else []
            ),
        ]
    )
    made = exp.Create(
        this=exp.table_(name, quoted=True),
        kind="TABLE",
        properties=properties,
        expression=_rows(source, columns, partition, only),
    )
    return str(made.sql(_DIALECT))


def insert(
    name: str,
    source: str,
    columns: Mapping[str, str],
    *,
    partition: str | None = None,
    only: Sequence[str] | None = None,
) -> str:
    """Return an INSERT of rows of another table; arguments as of ``create_from``."""
    into = exp.Schema(
        this=exp.table_(name, quoted=True),
        expressions=[exp.to_identifier(column, quoted=True) for column in columns],
    )
    rows = _rows(source, columns, partition, only)
    return str(exp.Insert(this=into, expression=rows).sql(_DIALECT))


def delete(name: str, partition: str | None = None, only: Sequence[str] | None = None) -> str:
    """Return a DELETE of whole partitions, or of all rows: no file is read for it."""
    made = exp.delete(exp.table_(name, quoted=True))
    if partition is not None and only is not None:
        made = made.where(_among(partition, only))
    return str(made.sql(_DIALECT))


def count(name: str, partition: str, only: Sequence[str]) -> str:
    """Return a SELECT of one number, ``n``: the rows of some partitions, by the files' footers."""
    counted = exp.alias_(exp.Count(this=exp.Star()), "n")
    rows = exp.select(counted).from_(exp.table_(name, quoted=True))
    return str(rows.where(_among(partition, only)).sql(_DIALECT))


def add_columns(name: str, columns: Mapping[str, str]) -> str:
    """Return an ALTER TABLE that gives the table more columns, by name and Hive type."""
    added = [
        exp.ColumnDef(
            this=exp.to_identifier(column, quoted=True),
            kind=exp.DataType.build(kind, dialect="hive"),
        )
        for column, kind in columns.items()
    ]
    table = exp.table_(name, quoted=True)
    return str(exp.Alter(this=table, kind="TABLE", actions=added).sql(_DIALECT))


def set_snapshot_age(name: str, seconds: int) -> str:
    """Return an ALTER TABLE that says from which age on VACUUM forgets snapshots."""
    return (
        f"ALTER TABLE {_plain(name)} SET TBLPROPERTIES "
        f"('vacuum_max_snapshot_age_seconds' = '{int(seconds)}')"
    )


def optimize(name: str) -> str:
    """Return the statement that joins small files; sqlglot knows no tree for it."""
    return f"OPTIMIZE {_plain(name)} REWRITE DATA USING BIN_PACK"


def vacuum(name: str) -> str:
    """Return the statement that forgets old snapshots, and deletes what nothing refers to."""
    return f"VACUUM {_plain(name)}"


def _plain(name: str) -> str:
    """Return a name that needs no quotes.

    Raises:
        ValueError: It would need some.
    """
    if not (name.isascii() and name.isidentifier() and name == name.lower()):
        raise ValueError(f"{name!r} is no plain name of a table")
    return name


def _rows(
    source: str, columns: Mapping[str, str], partition: str | None, only: Sequence[str] | None
) -> exp.Select:
    query = exp.select(*(_value(name, kind) for name, kind in columns.items()))
    query = query.from_(exp.table_(source, quoted=True))
    if partition is None or only is None:
        return query
    return query.where(_among(partition, only))


def _value(name: str, kind: str) -> exp.Expression:
    column = exp.column(name, quoted=True)
    if kind != "timestamp":
        return column
    # "Timestamp precision (3) not supported for Iceberg. Use timestamp(6) instead", and TIMESTAMP
    # alone is timestamp(3): https://github.com/trinodb/trino/issues/6658
    micro = exp.DataType.build("timestamp(6)", dialect=_DIALECT)
    return exp.alias_(exp.cast(column, micro), name, quoted=True)


def _among(partition: str, only: Sequence[str]) -> exp.Expression:
    if not only:
        return exp.false()
    column = exp.column(partition, quoted=True)
    return column.isin(*(exp.Literal.string(value) for value in only))


def _property(name: str, value: exp.Expression) -> exp.Property:
    return exp.Property(this=exp.var(name), value=value)
