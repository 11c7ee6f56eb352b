"""Hive's type names to Iceberg types and back. No tables here."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pyiceberg import types as iceberg
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = exp.DataType.Type
#: https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-supported-data-types.html
_PRIMITIVES = {
    _T.BOOLEAN: iceberg.BooleanType, _T.TINYINT: iceberg.IntegerType,
    _T.SMALLINT: iceberg.IntegerType, _T.INT: iceberg.IntegerType, _T.BIGINT: iceberg.LongType,
    _T.FLOAT: iceberg.FloatType, _T.DOUBLE: iceberg.DoubleType, _T.DATE: iceberg.DateType,
    _T.TEXT: iceberg.StringType, _T.VARCHAR: iceberg.StringType, _T.CHAR: iceberg.StringType,
    _T.BINARY: iceberg.BinaryType, _T.VARBINARY: iceberg.BinaryType,
    _T.TIMESTAMP: iceberg.TimestampType, _T.TIMESTAMPTZ: iceberg.TimestamptzType,
    _T.TIMESTAMPLTZ: iceberg.TimestamptzType, _T.UUID: iceberg.UUIDType,
}  # fmt: skip
_HIVE = {
    iceberg.BooleanType: "boolean", iceberg.IntegerType: "int", iceberg.LongType: "bigint",
    iceberg.FloatType: "float", iceberg.DoubleType: "double", iceberg.DateType: "date",
    iceberg.StringType: "string", iceberg.UUIDType: "string", iceberg.TimeType: "string",
    iceberg.BinaryType: "binary", iceberg.FixedType: "binary", iceberg.TimestampType: "timestamp",
    iceberg.TimestamptzType: "timestamp with time zone",
}  # fmt: skip


def schema_of(columns: list[tuple[str, str]]) -> iceberg.StructType:
    """Return a struct of optional columns, given names and Hive's names of their types.

    Raises:
        ValueError: Iceberg has no such type.
    """
    ids = itertools.count(1)
    return iceberg.StructType(
        *(
            iceberg.NestedField(next(ids), name, type_of(kind, ids), required=False)
            for name, kind in columns
        )
    )


def type_of(hive: str, ids: Iterator[int] | None = None) -> iceberg.IcebergType:
    """Return the Iceberg type that Athena makes of a type's name.

    Raises:
        ValueError: Iceberg has no such type.
    """
    return _built(exp.DataType.build(hive, dialect="hive"), ids or itertools.count(1))


def hive_of(kind: iceberg.IcebergType) -> str:
    """Return the name that Glue has for an Iceberg type.

    Raises:
        ValueError: Athena reads no such type.
    """
    if isinstance(kind, iceberg.DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, iceberg.ListType):
        return f"array<{hive_of(kind.element_type)}>"
    if isinstance(kind, iceberg.MapType):
        return f"map<{hive_of(kind.key_type)},{hive_of(kind.value_type)}>"
    if isinstance(kind, iceberg.StructType):
        inner = ",".join(f"{field.name}:{hive_of(field.field_type)}" for field in kind.fields)
        return f"struct<{inner}>"
    known = next((name for form, name in _HIVE.items() if isinstance(kind, form)), None)
    if known is None:
        raise ValueError(f"the Iceberg type {kind}")
    return known


def _built(kind: exp.DataType, ids: Iterator[int]) -> iceberg.IcebergType:
    inner = kind.expressions
    if kind.this == _T.DECIMAL:
        digits, scale = [int(str(part.this)) for part in inner] if inner else (10, 0)
        return iceberg.DecimalType(digits, scale)
    if kind.this == _T.ARRAY:
        return iceberg.ListType(next(ids), _built(inner[0], ids), element_required=False)
    if kind.this == _T.MAP:
        return iceberg.MapType(
            next(ids), _built(inner[0], ids), next(ids), _built(inner[1], ids),
            value_required=False,
        )  # fmt: skip
    if kind.this == _T.STRUCT:
        return iceberg.StructType(
            *(
                iceberg.NestedField(
                    next(ids), part.name, _built(part.args["kind"], ids), required=False
                )
                for part in inner
            )
        )
    if kind.this not in _PRIMITIVES:
        raise ValueError(f"the type {kind.sql('hive').lower()} in Iceberg tables")
    return _PRIMITIVES[kind.this]()
