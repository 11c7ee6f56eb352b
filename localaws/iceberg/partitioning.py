"""Partition transforms: read from SQL's words, and applied to Arrow columns.

pyiceberg applies most of them through a Rust package that is not among the locked ones; these are
the same functions of the specification: https://iceberg.apache.org/spec/#partition-transforms
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import transforms
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.transforms import parse_transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType

_TERM = re.compile(r"\s*[`\"]?(\w+)[`\"]?\s*(?:\(\s*([^)]*?)\s*\))?\s*")
_TIMES = frozenset({"year", "month", "day", "hour"})
_FIRST_ID = 1000
_EPOCH_YEAR = 1970
_HOUR, _DAY = 3_600_000_000, 86_400_000_000


def spec_of(terms: list[str], schema: Schema) -> PartitionSpec:
    """Return the partitioning that terms as ``day(ts)``, ``bucket(16, id)``, ``carrier`` mean.

    Raises:
        ValueError: A term is no transform, or names no column that it fits.
    """
    fields = [_field(term, schema, _FIRST_ID + index) for index, term in enumerate(terms)]
    if len({field.source_id for field in fields}) < len(fields):
        raise ValueError("a partitioning with two transforms of one column")
    return PartitionSpec(*fields, spec_id=0)


def values(column: pa.ChunkedArray, transform: Any, kind: IcebergType) -> Any:
    """Return the partition value of each of a column's values."""
    if isinstance(transform, transforms.IdentityTransform):
        return column
    if type(transform) in _TIMES_IN_ARROW:
        return _TIMES_IN_ARROW[type(transform)](column)
    if isinstance(transform, transforms.TruncateTransform) and pa.types.is_string(column.type):
        return pc.utf8_slice_codeunits(column, 0, transform.width)
    result = pa.int32() if isinstance(transform, transforms.BucketTransform) else column.type
    return _one_by_one(column, transform.transform(kind), result)


def _field(term: str, schema: Schema, field_id: int) -> PartitionField:
    found = _TERM.fullmatch(term)
    if not found:
        raise ValueError(f"'{term}' is no partition transform")
    if found[2] is None:
        name, transform, suffix = found[1], "identity", ""
    else:
        name, transform, suffix = _function(found[1].lower(), found[2], term)
    source = schema.find_field(name.lower(), case_sensitive=False)
    partition = PartitionField(
        source_id=source.field_id, field_id=field_id, transform=parse_transform(transform),
        name=f"{source.name}{suffix}",
    )  # fmt: skip
    if not partition.transform.can_transform(source.field_type):
        raise ValueError(f"'{term}' does not fit a column of type {source.field_type}")
    return partition


def _function(name: str, arguments: str, term: str) -> tuple[str, str, str]:
    """Return column, transform and the suffix of the partition field's name."""
    given = [part.strip().strip('`"') for part in arguments.split(",")]
    if name in _TIMES and len(given) == 1:
        return given[0], name, f"_{name}"
    widths = [part for part in given if part.isdecimal() and int(part) > 0]
    columns = [part for part in given if not part.isdecimal()]
    if name not in {"bucket", "truncate"} or len(widths) != 1 or len(columns) != 1:
        raise ValueError(f"'{term}' is no partition transform")
    suffix = "_bucket" if name == "bucket" else "_trunc"
    return columns[0], f"{name}[{widths[0]}]", suffix


def _one_by_one(column: pa.ChunkedArray, apply: Callable[[Any], Any], kind: pa.DataType) -> Any:
    encoded = pc.dictionary_encode(column).combine_chunks()
    results = pa.array([apply(value) for value in encoded.dictionary.to_pylist()], kind)
    return results.take(encoded.indices)


def _days(column: pa.ChunkedArray) -> Any:
    if pa.types.is_date(column.type):
        return column.cast(pa.int32())
    return _elapsed(column, "day", _DAY)


def _elapsed(column: pa.ChunkedArray, unit: str, micros: int) -> Any:
    # Floored first: a division would cut towards 1970, which before 1970 is upwards.
    whole = pc.floor_temporal(column, unit=unit).cast(pa.int64())
    return pc.divide(whole, micros).cast(pa.int32())


def _years(column: pa.ChunkedArray) -> Any:
    return pc.subtract(pc.year(column), _EPOCH_YEAR).cast(pa.int32())


def _months(column: pa.ChunkedArray) -> Any:
    whole = pc.multiply(pc.subtract(pc.year(column), _EPOCH_YEAR), 12)
    return pc.add(whole, pc.subtract(pc.month(column), 1)).cast(pa.int32())


_TIMES_IN_ARROW: dict[type, Callable[[pa.ChunkedArray], Any]] = {
    transforms.DayTransform: _days,
    transforms.HourTransform: lambda column: _elapsed(column, "hour", _HOUR),
    transforms.YearTransform: _years,
    transforms.MonthTransform: _months,
}
