"""Which Parquet types Athena reads as which Glue types. Nothing is read here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE = {"int32", "int64"}
_READABLE: dict[str, set[str]] = {
    "boolean": {"boolean"}, "tinyint": _WHOLE, "smallint": _WHOLE, "int": _WHOLE,
    "integer": _WHOLE, "bigint": _WHOLE, "float": {"float"}, "double": {"double", "float"},
    "string": {"binary"}, "varchar": {"binary"}, "char": {"binary"}, "binary": {"binary"},
    "date": {"date"}, "timestamp": {"timestamp"}, "decimal": {"decimal", *_WHOLE},
}  # fmt: skip


def name_of(arrow: Any) -> str:
    """Return how Athena's message names the Parquet type behind an Arrow type."""
    return next((name for test, name in _names() if test(arrow)), "group")


def readable(parquet: str, glue: str) -> bool:
    """Tell whether Athena reads this Parquet type as this Glue type.

    The common trap: pandas writes an integer column that has a gap as DOUBLE, Glue says bigint, and
    Athena refuses the file. So does this one.
    """
    accepted = _READABLE.get(glue.lower().split("(")[0])
    if parquet == "null" or accepted is None:
        return True
    return parquet in accepted


@cache
def _names() -> tuple[tuple[Callable[[Any], bool], str], ...]:
    import pyarrow as pa  # 38 MiB that a server does without until it reads Parquet

    return (
        (pa.types.is_null, "null"),
        (pa.types.is_boolean, "boolean"),
        (lambda kind: pa.types.is_integer(kind) and kind.bit_width <= 32, "int32"),  # noqa: PLR2004
        (pa.types.is_integer, "int64"),
        (pa.types.is_float32, "float"),
        (pa.types.is_floating, "double"),
        (pa.types.is_decimal, "decimal"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "timestamp"),
        (pa.types.is_dictionary, "binary"),
        (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), "binary"),
        (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), "binary"),
    )
