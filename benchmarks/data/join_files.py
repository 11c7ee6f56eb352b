"""The files that the point-in-time benchmark joins: three feature groups and labels, as Parquet.

The same files serve every rival, so they hold each event time twice: as the Feature Store's text,
which ours reads, and as a timestamp, which spares the rivals the parsing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

GROUPS, FEATURES = 3, 4
#: One record in fifty was written again, two hours later, with other values.
REWRITTEN = 50


@dataclass(frozen=True, slots=True)
class Size:
    """How much is joined.

    Attributes:
        records: Over all groups.
    """

    records: int = 10_000_000
    labels: int = 1_000_000
    entities: int = 100_000


def features_of(group: int) -> list[str]:
    """Return the names of a group's features."""
    return [f"g{group}_f{number}" for number in range(FEATURES)]


def make(folder: Path, size: Size) -> None:
    """Write g0.parquet, g1.parquet, g2.parquet and labels.parquet; the same for the same size."""
    with duckdb.connect(config={"threads": 2, "memory_limit": "2GB"}) as connection:
        for group in range(GROUPS):
            _copy(connection, _records(group, size), folder / f"g{group}.parquet")
        _copy(connection, _labels(size), folder / "labels.parquet")


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def _records(group: int, size: Size) -> str:
    rows = size.records // GROUPS
    first = rows - rows // REWRITTEN
    values = ", ".join(
        f"CASE WHEN hash(i * 13 + {group * 10 + number}) % 100 > 0 "
        f"THEN (hash(i * 17 + {group * 10 + number}) % 1000000) / 1000.0 END AS {name}"
        for number, name in enumerate(features_of(group))
    )
    return (
        f"WITH r AS (SELECT i, i % {first} AS j FROM range({rows}) t(i)), "  # noqa: S608
        "v AS (SELECT i, j, TIMESTAMP '2026-01-01' "
        f"+ to_seconds((hash(j * 11 + {group}) % 8640000)::BIGINT) AS ts FROM r) "
        f"SELECT 'e' || lpad((hash(j * 7 + {group + 1000}) % {size.entities})::VARCHAR, 7, '0') "
        "AS entity_id, strftime(ts, '%Y-%m-%dT%H:%M:%SZ') AS event_time, ts AS event_timestamp, "
        f"{values}, ts + to_milliseconds((hash(j * 19 + {group}) % 3600000)::BIGINT) "
        f"+ (i // {first}) * INTERVAL 2 HOUR AS write_time, write_time AS api_invocation_time, "
        "false AS is_deleted FROM v"
    )


def _labels(size: Size) -> str:
    # One label in twenty is of an entity without any features.
    known = int(size.entities * 1.05)
    return (
        "SELECT 'l' || lpad(i::VARCHAR, 8, '0') AS label_id, TIMESTAMP '2026-01-05' "  # noqa: S608
        "+ to_seconds((hash(i * 23) % 7776000)::BIGINT) AS event_timestamp, "
        f"'e' || lpad((hash(i * 29) % {known})::VARCHAR, 7, '0') AS entity_id, "
        f"(hash(i * 31) % 2)::INTEGER AS label FROM range({size.labels}) t(i)"
    )
