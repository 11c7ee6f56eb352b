"""The files that the drift benchmark compares: a baseline's rows and a window's, as Parquet.

30 numbers of five families, one value in a hundred missing in every fifth; 10 texts of 2 to 1,000
values. Seven columns moved, each by more than any rival's usual threshold; the others are drawn
anew from the same distributions. The same files for the same size, wherever they are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBERS = tuple(f"n{place:02d}" for place in range(30))
TEXTS = tuple(f"c{place:02d}" for place in range(10))
CARDINALITY = (2, 5, 10, 20, 50, 100, 200, 400, 700, 1000)
DRIFTED = frozenset({"n03", "n10", "n16", "n22", "n29", "c02", "c09"})
BASELINE, CURRENT = "baseline", "current"
#: Both a Thursday: weekdays are not what differs.
DAYS = {BASELINE: "2026-01-01", CURRENT: "2026-01-29"}
#: Rows drawn and written at a time: what a batch holds in memory does not grow with the file.
BATCH = 250_000


def make(folder: Path, rows: int, *windows: str) -> None:
    """Write baseline.parquet and current.parquet, or the windows named, each of so many rows."""
    import pyarrow.parquet as pq

    for window in windows or (BASELINE, CURRENT):
        with pq.ParquetWriter(folder / f"{window}.parquet", _schema(), compression="zstd") as out:
            for table in _batches(window, rows):
                out.write_table(table, row_group_size=BATCH)


def _schema() -> Any:
    import pyarrow as pa

    numbers = [(name, pa.int64() if _family(name) == "count" else pa.float64()) for name in NUMBERS]
    return pa.schema([*numbers, *((name, pa.string()) for name in TEXTS)])


def _batches(window: str, rows: int) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa

    for start in range(0, rows, BATCH):
        size = min(BATCH, rows - start)
        rng = np.random.Generator(np.random.PCG64([start, window == CURRENT]))
        columns = {
            name: _number(rng, name, size, moved=window == CURRENT and name in DRIFTED)
            for name in NUMBERS
        } | {
            name: _text(rng, name, size, moved=window == CURRENT and name in DRIFTED)
            for name in TEXTS
        }
        yield pa.table(columns, schema=_schema())


def _family(name: str) -> str:
    return ("normal", "exponential", "lognormal", "uniform", "count")[int(name[1:]) % 5]


def _number(rng: Any, name: str, size: int, *, moved: bool) -> Any:
    import pyarrow as pa

    place, family = int(name[1:]), _family(name)
    shift = 1.0 if moved else 0.0
    values = {
        "normal": lambda: rng.normal(place + shift, 1.0, size),
        "exponential": lambda: rng.exponential((1.0 + place) * (1.0 + 2 * shift), size),
        "lognormal": lambda: rng.lognormal(shift, 0.8, size),
        "uniform": lambda: rng.uniform(shift * 30, 100.0, size),
        "count": lambda: rng.poisson(20 + 8 * shift, size),
    }[family]()
    return pa.array(values, mask=rng.random(size) < (0.01 if place % 5 == 0 else 0.0))


def _text(rng: Any, name: str, size: int, *, moved: bool) -> Any:
    """Draw by Zipf's law; where it moved, the order of the values is turned round."""
    import numpy as np
    import pyarrow as pa

    many = CARDINALITY[int(name[1:])]
    weights = 1.0 / np.arange(1, many + 1)
    chosen = rng.choice(many, size, p=(weights[::-1] if moved else weights) / weights.sum())
    values = pa.array([f"{name}-{value:04d}" for value in range(many)])
    return values.take(pa.array(chosen))
