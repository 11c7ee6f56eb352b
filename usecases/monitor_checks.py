"""What the monitors of a use case must agree on with its tables. Called by checks.py."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from usecases import contract_checks
from usecases.durations import write_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from usecases.declaration import UseCase
    from usecases.fields import ColumnType, DriftMonitor, SourceTable, WatchKind

Location = contract_checks.Location
Finding = contract_checks.Finding

_TYPES: Mapping[str, tuple[str, ...]] = {
    "numeric": ("bigint", "int", "double"),
    "categorical": ("string", "bigint", "int"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp",),
    "text_length": ("string",),
}
_DRIFT: Location = ("monitors", "drift")
_DAY = timedelta(days=1)


def findings(use_case: UseCase) -> Iterator[Finding]:
    """Find what the watched tables and columns do not bear out."""
    monitor = use_case.monitors.drift
    for name, columns in monitor.tables.items():
        yield from _table((*_DRIFT, "tables", name), use_case, name, columns)
    yield from _names(monitor)
    yield from _days(monitor)


def _table(
    here: Location, use_case: UseCase, name: str, columns: Mapping[str, WatchKind]
) -> Iterator[Finding]:
    table: SourceTable | None = use_case.sources.tables.get(name)
    if table is None:
        known = ", ".join(sorted(use_case.sources.tables))
        yield here, f"no source table {name}", known, "declare it under sources.tables"
        return
    if table.partition_key is None:
        yield here, f"{name} has no partition_key", "a table partitioned by day", "remove it"
    for column, kind in columns.items():
        found = table.columns.get(column)
        yield from fitting((*here, column), column, kind, found, _TYPES)


def _names(monitor: DriftMonitor) -> Iterator[Finding]:
    columns = [f"{table}.{name}" for table, named in monitor.tables.items() for name in named]
    known = ", ".join(columns)
    for place, name in enumerate(monitor.ignore):
        if name not in columns:
            at = (*_DRIFT, "ignore", place)
            yield at, f"{name} is not watched", f"one of {known}", "correct or remove it"
    for name in monitor.rows_per_independent:
        if name not in columns and name not in monitor.tables:
            at = (*_DRIFT, "rows_per_independent", name)
            yield at, f"{name} is not watched", f"a table or one of {known}", "correct or remove it"
    if monitor.minimum_features > len(columns):
        at = (*_DRIFT, "minimum_features")
        found = f"{monitor.minimum_features} columns"
        yield at, found, f"at most the {len(columns)} that are watched", "lower it"


def _days(monitor: DriftMonitor) -> Iterator[Finding]:
    for field, length in (("window", monitor.window), ("stride", monitor.stride)):
        if not length or length % _DAY:
            found = write_duration(length)
            yield (*_DRIFT, field), found, "whole days, such as 14d", "tables have daily partitions"


def fitting(
    location: Location,
    name: str,
    kind: str,
    found: ColumnType | None,
    types: Mapping[str, tuple[str, ...]],
) -> Iterator[Finding]:
    """Find a column that is not declared, or whose Glue type its kind cannot be read from."""
    if found is None:
        yield location, f"unknown column {name}", "a declared column", "declare or correct it"
    elif found not in types[kind]:
        expected = " or ".join(types[kind])
        yield location, f"{name} is {found}, not {kind}", expected, "correct the kind or CAST it"
