"""What a query hands back: values as Athena prints them, the CSV in S3, and pages of rows.

Rows are kept once more in a local file of JSON lines, so that a page is read by seeking to it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from localaws.services.athena.types import column_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Row = list[str | None]

_BATCH = 10_000
_SCIENTIFIC_ABOVE = 1e7
_SCIENTIFIC_BELOW = 1e-3


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Where the results of one query lie locally."""

    folder: Path
    query_id: str

    @property
    def rows(self) -> Path:
        """Return the file of JSON lines."""
        return self.folder / f"{self.query_id}.jsonl"

    @property
    def columns(self) -> Path:
        """Return the file of ColumnInfo."""
        return self.folder / f"{self.query_id}.columns.json"

    @property
    def csv(self) -> Path:
        """Return the CSV as it goes to S3."""
        return self.folder / f"{self.query_id}.csv"


def write(files: ResultFiles, cursor: Any) -> int:
    """Write every row a DuckDB cursor yields; return how many there were."""
    infos = [column_info(item[0], item[1]) for item in cursor.description]
    formats = [_formatter(info["Type"]) for info in infos]
    count = 0
    with files.rows.open("w", encoding="utf-8") as rows, files.csv.open(
        "w", encoding="utf-8", newline=""
    ) as csv:  # fmt: skip
        csv.write(_csv_line([info["Name"] for info in infos]))
        while batch := cursor.fetchmany(_BATCH):
            for raw in batch:
                row = [None if value is None else format_(value)
                       for format_, value in zip(formats, raw, strict=True)]  # fmt: skip
                rows.write(json.dumps(row, ensure_ascii=False) + "\n")
                csv.write(_csv_line(row))
            count += len(batch)
    files.columns.write_text(json.dumps({"columns": infos, "header": True}))
    return count


def write_text(files: ResultFiles, columns: list[str], lines: list[Row]) -> None:
    """Write the rows of a DDL or utility statement; they have no header row."""
    infos = [
        {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name,
         "Type": "string", "Precision": 0, "Scale": 0, "Nullable": "UNKNOWN",
         "CaseSensitive": False}
        for name in columns
    ]  # fmt: skip
    files.rows.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    files.columns.write_text(json.dumps({"columns": infos, "header": False}))


def read_page(files: ResultFiles, token: str | None, limit: int) -> dict[str, Any]:
    """Return ResultSet and NextToken of one page. The header row counts, as with Athena.

    Raises:
        ValueError: The token is none of ours.
    """
    described = json.loads(files.columns.read_text())
    infos = described["columns"]
    rows: list[Row] = []
    if token is None and described["header"]:
        rows.append([info["Name"] for info in infos])
    with files.rows.open("rb") as source:
        source.seek(int(token or 0))
        rows += _lines(source, limit - len(rows))
        position, more = source.tell(), bool(source.read(1))
    page: dict[str, Any] = {
        "ResultSet": {
            "Rows": [{"Data": [_datum(value) for value in row]} for row in rows],
            "ResultSetMetadata": {"ColumnInfo": infos},
        },
        "UpdateCount": 0,
    }
    return page | ({"NextToken": str(position)} if more else {})


def _lines(source: Any, limit: int) -> Iterator[Row]:
    for _ in range(limit):
        line = source.readline()
        if not line:
            return
        yield json.loads(line)


def _datum(value: str | None) -> dict[str, str]:
    return {} if value is None else {"VarCharValue": value}


def _csv_line(values: Iterable[str | None]) -> str:
    quoted = ("" if value is None else '"' + value.replace('"', '""') + '"' for value in values)
    return ",".join(quoted) + "\n"


def _formatter(kind: str) -> Callable[[Any], str]:
    known: dict[str, Callable[[Any], str]] = {
        "varchar": str, "integer": str, "bigint": str, "smallint": str, "tinyint": str,
        "double": java_double, "float": java_double, "decimal": str,
    }  # fmt: skip
    return known.get(kind, text)


def text(value: Any) -> str:  # noqa: PLR0911 - one return for each type
    """Return a value as Athena prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return java_double(value)
    if isinstance(value, datetime):
        zone = " UTC" if value.tzinfo else ""
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}{zone}"
    if isinstance(value, (bytes, bytearray)):
        return " ".join(f"{byte:02x}" for byte in value)
    if isinstance(value, timedelta):
        return _interval(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_inner(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inner(key)}={_inner(item)}" for key, item in value.items()) + "}"
    return str(value) if isinstance(value, (str, int, Decimal, date, time)) else repr(value)


def _inner(value: Any) -> str:
    return "null" if value is None else text(value)


def _interval(value: timedelta) -> str:
    seconds, days = value.seconds, value.days
    return f"{days} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.000"


def java_double(value: float) -> str:
    """Return a double as Java's Double.toString prints it: 1.0E7 from ten million on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if size == 0 or _SCIENTIFIC_BELOW <= size < _SCIENTIFIC_ABOVE:
        return repr(value)
    digits = Decimal(repr(value)).as_tuple()
    figures = "".join(map(str, digits.digits)).rstrip("0") or "0"
    exponent = len(digits.digits) + int(digits.exponent) - 1
    sign = "-" if digits.sign else ""
    return f"{sign}{figures[0]}.{figures[1:] or '0'}E{exponent}"
