"""Parquet in and out, and columns as numpy arrays. What the values must be belongs to `validate`.

pyarrow and numpy only. pyarrow would import pandas where it finds it, a second of every step's
life; `bootstrap` hides it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.steps.command import StepError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from pipelines.steps.config import Feature

Column = Any  # pyarrow has no types of its own


def read_table(path: Path, what: str) -> Any:
    """Read a parquet file, or all of a folder's in order of name, as one table.

    Raises:
        StepError: There is no parquet file, one cannot be read, or their columns disagree.
    """
    # Athena's files have no suffix; what starts with a dot or underscore is Hive's bookkeeping.
    files = [path] if path.is_file() else sorted(path.glob("[!._]*"))
    if not files:
        raise StepError(
            f"{what} has no parquet file at {path}; expected at least one. "
            "Check that the step before wrote its output, and the input's S3 address."
        )
    try:
        tables = [pq.ParquetFile(file).read() for file in files]
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowException, OSError) as error:
        names = ", ".join(file.name for file in files[:3])
        raise StepError(
            f"{what} at {path} ({names}) cannot be read as parquet: {error}. Build it again."
        ) from error


def write_table(table: Any, path: Path) -> None:
    """Write one parquet file. Equal tables give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", store_schema=False)


def column(table: Any, name: str, what: str) -> Column:
    """Give one column as a single chunk.

    Raises:
        StepError: The table has no such column.
    """
    if name not in table.column_names:
        raise StepError(
            f"{what} has no column {name!r}; it has {', '.join(table.column_names)}. "
            "Add the column to the SQL that builds the set, or drop it from the declaration."
        )
    return table.column(name).combine_chunks()


def is_number(kind: Any) -> bool:
    """Say whether a column type can be a numeric feature."""
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
        or types.is_null(kind)
    )


def is_category(kind: Any) -> bool:
    """Say whether a column type can be a categorical feature: text, whole number or boolean."""
    types = pa.types
    if types.is_dictionary(kind):
        return is_category(kind.value_type)
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
    )


def numbers(values: Column) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Give a numeric column as float64, NaN where it is null."""
    found: np.ndarray[Any, np.dtype[np.float64]] = pc.cast(values, pa.float64()).to_numpy(
        zero_copy_only=False
    )
    return found


def texts(values: Column) -> list[str | None]:
    """Give a categorical column as texts, None where it is null. True is `true`, 7 is `7`."""
    found: list[str | None] = pc.cast(values, pa.string()).to_pylist()
    return found


def times(values: Column) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Give a timestamp column in microseconds, time zone dropped after conversion to UTC."""
    found: np.ndarray[Any, np.dtype[np.datetime64]] = pc.cast(values, pa.timestamp("us")).to_numpy(
        zero_copy_only=False
    )
    return found


def raw_features(table: Any, features: tuple[Feature, ...], what: str) -> dict[str, Any]:
    """Give the features as the model's own encoding wants them: numbers or texts, not encoded."""
    found: dict[str, Any] = {}
    for feature in features:
        values = column(table, feature.name, what)
        found[feature.name] = numbers(values) if feature.kind == "numeric" else texts(values)
    return found
