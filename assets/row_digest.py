"""One digest for the rows of Parquet files, whatever files hold them in whatever order.

Athena promises neither how it cuts a result into files nor in which order it writes them, so equal
rows need not be equal bytes. Each row is hashed over its values; the hashes are added up, modulo
2**256, which does not depend on the order and counts a repeated row twice. Naming and storing sets
does not belong here.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BATCH_ROWS = 1 << 15
_MODULUS = 1 << 256


class RowDigest:
    """Takes in record batches of one schema; gives the digest of all their rows.

    Args:
        columns: Names and types, in the order of the table: part of the digest.
    """

    def __init__(self, columns: Sequence[tuple[str, str]]) -> None:
        self._names = [name for name, _ in columns]
        self._head = json.dumps(columns).encode()
        self._sum = 0
        self.rows = 0

    def add(self, batches: Iterable[Any]) -> None:
        """Take in pyarrow record batches, one in memory at a time."""
        for batch in batches:
            self._add(batch)

    def hexdigest(self) -> str:
        """Return the sha256 over columns, number of rows, and the sum of the rows' hashes."""
        tail = f"{self.rows} {self._sum:064x}".encode()
        return hashlib.sha256(self._head + b"\n" + tail).hexdigest()

    def _add(self, batch: Any) -> None:
        import numpy as np

        if not batch.num_rows:
            return
        cells = [_cells(batch.column(name)) for name in self._names]
        rows = np.ascontiguousarray(np.concatenate(cells, axis=1))
        width, body = rows.shape[1], rows.tobytes()
        total = 0
        for start in range(0, len(body), width):
            digest = hashlib.sha256(body[start : start + width]).digest()
            total += int.from_bytes(digest, "little")
        self._sum = (self._sum + total) % _MODULUS
        self.rows += batch.num_rows


def _cells(column: Any) -> Any:
    """Return a column as (rows, bytes): what kind of value, then the value itself.

    A text is its sha256. Integers, times and dates are 64 bits, times in microseconds; a float is
    its own 64 bits.
    """
    import numpy as np
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    present = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=np.uint8)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        values = _texts(column)
    elif pa.types.is_floating(kind):
        numbers = column.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        values = _bytes_of(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8"))
    else:
        values = _bytes_of(_integers(column).astype("<i8"))
    values = values * present[:, None]
    return np.concatenate([present[:, None], values], axis=1)


def _integers(column: Any) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz))
    elif pa.types.is_date(kind):
        column = column.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_decimal(kind):
        raise TypeError(f"a training set has no {kind} columns")
    return column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)


def _texts(column: Any) -> Any:
    import numpy as np

    encoded = column.dictionary_encode()
    digests = [
        hashlib.sha256(value if isinstance(value, bytes) else value.encode()).digest()
        for value in encoded.dictionary.to_pylist()
    ]
    table = np.frombuffer(b"".join([*digests, bytes(32)]), dtype=np.uint8).reshape(-1, 32)
    places = encoded.indices.fill_null(len(digests)).to_numpy(zero_copy_only=False)
    return table[places]


def _bytes_of(numbers: Any) -> Any:
    import numpy as np

    return np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), 8)
