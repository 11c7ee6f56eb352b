"""What a backtest has computed, by name of content, so that a second one goes on where it ended.

Parquet, JSON and LightGBM's text only: a cache is a file that anyone may have written, and nothing
in it is ever executed. A file appears whole or not at all.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Store:
    """A folder of computed things. Damaged ones are computed again.

    Args:
        folder: Where they lie; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def table(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a pyarrow table, made unless it is there."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder / f"{name}.parquet"
        if path.exists():
            try:
                return pq.ParquetFile(path).read()
            except (pa.ArrowException, OSError):
                path.unlink()
        found = make()
        self._write(path, lambda part: pq.write_table(found, part, compression="zstd"))
        return found

    def document(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a JSON document, made unless it is there."""
        path = self._folder / f"{name}.json"
        if path.exists():
            try:
                return json.loads(path.read_bytes())
            except ValueError:
                path.unlink()
        found = make()
        text = json.dumps(found, sort_keys=True, allow_nan=False)
        self._write(path, lambda part: part.write_text(text, encoding="utf-8"))
        return found

    def _write(self, path: Path, write: Callable[[Path], object]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        write(part)
        part.replace(path)
