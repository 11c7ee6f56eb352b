"""What one landing writes: the Parquet file of each partition, as it was known at a moment. Pure.

Writing and registering them belongs to upstream.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from resources.glue import ColumnFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestration.flights import RawTable

SHA256 = "perennial.sha256"
_ROWS = "perennial.rows"
_COMPLETE = "perennial.complete"
#: The parameters that a file leaves on its partition, or on its table where that has none.
OWN_PARAMETERS = (SHA256, _ROWS, _COMPLETE)
_GLUE_TYPES = {
    "int64": "bigint",
    "double": "double",
    "string": "string",
    "timestamp[ms]": "timestamp",
}


@dataclass(frozen=True, slots=True)
class LandingFile:
    """One Parquet file that is to be written, and the partition it fills ('' for none)."""

    partition: str
    body: bytes
    rows: int
    complete: bool

    @property
    def parameters(self) -> dict[str, str]:
        """Return what the catalogue remembers of this file."""
        return {
            SHA256: hashlib.sha256(self.body).hexdigest(),
            _ROWS: str(self.rows),
            _COMPLETE: str(self.complete).lower(),
        }


def files_of(
    raw: RawTable, until: datetime, outcomes: Sequence[str] | None, *, done: frozenset[str]
) -> Iterator[LandingFile]:
    """Yield the Parquet file of each partition that holds something at ``until``.

    With ``outcomes``, rows are there from the morning of their day and these columns are null
    until known; without, rows themselves appear once known. Partitions in ``done`` are skipped.
    """
    if not raw.partitions:
        if "" not in done:
            yield LandingFile("", _parquet(raw.rows), raw.rows.num_rows, complete=True)
        return
    for partition, (start, count) in raw.partitions.items():
        if partition in done or datetime.fromisoformat(partition) > until:
            continue
        rows, known = raw.rows.slice(start, count), _known(raw.known_at.slice(start, count), until)
        rows = rows.filter(known) if outcomes is None else _masked(rows, known, outcomes)
        if rows.num_rows:
            complete = known.true_count == count
            yield LandingFile(partition, _parquet(rows), rows.num_rows, complete=complete)


def columns_of(raw: RawTable) -> tuple[ColumnFacts, ...]:
    """Return the table's columns with Hive's types."""
    return tuple(ColumnFacts(each.name, _GLUE_TYPES[str(each.type)]) for each in raw.rows.schema)


def _known(known_at: Any, until: datetime) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.less_equal(known_at, pa.scalar(until, pa.timestamp("ms")))


def _masked(rows: Any, known: Any, outcomes: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in outcomes:
        index = rows.schema.get_field_index(name)
        field = rows.schema.field(index)
        values = pc.if_else(known, rows.column(index), pa.scalar(None, field.type))
        rows = rows.set_column(index, field, values)
    return rows


def _parquet(rows: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return bytes(sink.getvalue())


def complete_partitions(there: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """Return the partitions that will never change again, from their parameters."""
    return frozenset(name for name, own in there.items() if own.get(_COMPLETE) == "true")
