"""A million distinct categories: contract, baseline and a day's profile stay small and agree."""

from __future__ import annotations

import io
import json
import os
import threading
import uuid
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.contracts import contract_metadata, judge_partitions
from resources.glue import ColumnFacts, PartitionFacts
from usecases.contracts.contract import contract_of
from usecases.contracts.frames import broken_rows
from usecases.contracts.statements import EXAMPLES
from usecases.declaration import load_use_cases, use_case_roots
from usecases.fields import Dataset
from usecases.point_in_time import Table
from usecases.profile_sql import TOP_VALUES, Days, Watched
from usecases.profiling import count_days, freeze_bins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resources.platform import Platform

N = 1_000_000
DAY = "2013-01-01"
DATABASE = "perennial_flight_delay"
DISTINCT = Dataset.model_validate(
    {
        "name": "distinct",
        "description": "Every row has a category of its own.",
        "sql": "distinct.sql",
        "primary_key": ["id"],
        "columns": {
            "id": {"type": "string", "unique": True, "pattern": "[0-9a-f]{32}"},
            "twice": {"type": "string", "unique": True},
            "category": {"type": "string", "allowed": ["a", "b", "名前"], "max_length": 7},
            "mixed": {"type": "string", "pattern": "[0-9]*[02468]"},
        },
    }
)
#: What is broken by how many of the million rows; the rest of the rules by none.
BROKEN = {
    "twice.unique": 1000,  # 500 values, each in two rows
    "category.allowed": N - 100_000,  # all but the nulls
    "category.max_length": N // 2,
    "category.present": 100_000,
    "mixed.pattern": N // 2,
}


class Counted:
    """Athena, and the size of what goes there and comes back."""

    def __init__(self, platform: Platform) -> None:
        self._athena = platform.athena
        self.longest_sql = self.answered = 0

    def select(self, sql: str, **options: Any) -> list[dict[str, Any]]:
        rows = self._athena.select(sql, **options)
        self.longest_sql = max(self.longest_sql, len(sql.encode()))
        self.answered = max(self.answered, len(json.dumps(rows, default=str)))
        return rows


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    seed = uuid.UUID(int=0).int
    numbers = range(N)
    # Every tenth is null, every second too long.
    category = [None if n % 10 == 0 else f"{n:07d}" + "x" * (n % 2) for n in numbers]
    return pa.table(
        {
            "id": [f"{seed + n:032x}" for n in numbers],
            "twice": [f"t{n % (N - 500)}" for n in numbers],
            "category": category,
            "mixed": [str(n) for n in numbers],
        }
    )


@pytest.fixture(scope="module")
def table(platform: Platform, rows: pa.Table) -> str:
    name = f"distinct_{uuid.uuid4().hex[:8]}"
    body = io.BytesIO()
    pq.write_table(rows, body)
    platform.lake.put(f"{name}/dt={DAY}/part-0.parquet", body.getvalue())
    platform.catalogue.point_table(
        DATABASE,
        name,
        columns=[ColumnFacts(column, "string") for column in DISTINCT.columns],
        location=platform.lake.uri(f"{name}/"),
        parameters={},
        partition_keys=[ColumnFacts("dt", "string")],
    )
    platform.catalogue.put_partitions(
        platform.catalogue.table(DATABASE, name),
        [PartitionFacts((DAY,), platform.lake.uri(f"{name}/dt={DAY}/"), {})],
    )
    return name


@contextmanager
def watched_memory() -> Iterator[dict[str, int]]:
    """The most MiB that the processes below this one, the embedded AWS's, hold meanwhile."""
    peak, over = {"MiB": 0}, threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            peak["MiB"] = max(peak["MiB"], sum(map(resident, below(os.getpid()))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def below(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found[1:]


def resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def test_the_contract_counts_all_and_shows_five(platform: Platform, table: str) -> None:
    (use_case,) = load_use_cases(*use_case_roots({}))
    counted = Counted(platform)
    spied = SpiedPlatform(platform, counted)
    with watched_memory() as peak:
        verdict = judge_partitions(spied, use_case, DISTINCT, [DAY], "million", table=table)
    (partition,) = verdict.partitions
    assert partition.rows == N
    assert {each.rule: each.rows for each in partition.breaches} == BROKEN
    assert verdict.quarantined == (DAY,)
    assert verdict.doubts == ()  # pandera's sample says the same
    assert all(len(each.examples) == EXAMPLES for each in partition.breaches)
    assert len(verdict.why) < 5_000
    assert len(str(contract_metadata(verdict))) < 20_000
    assert counted.longest_sql < 10_000
    assert counted.answered < 5_000_000  # the sample; of the million nothing but counts
    assert 0 < peak["MiB"] < 3_000, peak


def test_pandera_counts_the_same_million(rows: pa.Table) -> None:
    contract = contract_of(DISTINCT)
    frame = rows.to_pandas().astype("str")
    nothing = {rule.name: 0 for rule in contract.rules}
    assert broken_rows(contract, frame) == nothing | BROKEN


def test_a_profile_keeps_the_commonest_and_counts_the_tail(platform: Platform, table: str) -> None:
    columns = [Watched(name, "categorical", "string") for name in DISTINCT.columns]
    days = Days(Table(DATABASE, table), "dt", (date.fromisoformat(DAY),))
    counted = Counted(platform)
    select = partial(asked, counted, table)
    with watched_memory() as peak:
        frozen = freeze_bins(days, columns, select, TOP_VALUES)
        profile = count_days(days, columns, frozen, select)[date.fromisoformat(DAY)]
    kept = {name: values(frozen[name]) for name in DISTINCT.columns}
    assert {name: len(each) for name, each in kept.items()} == dict.fromkeys(kept, TOP_VALUES)
    # The only values that are common at all, in a fixed order where all are equally rare.
    assert all(int(each[1:]) < 500 for each in kept["twice"])
    assert list(kept["category"]) == sorted(kept["category"])
    for name, each in profile.features.items():
        missing = 100_000 if name == "category" else 0
        top = sum(values(each).values())
        assert top == (2 if name == "twice" else 1) * TOP_VALUES
        assert (each.rows, each.missing, each.other) == (N, missing, N - missing - top)
    assert len(profile.model_dump_json()) < 30_000
    assert counted.longest_sql < 30_000
    assert counted.answered < 30_000
    assert 0 < peak["MiB"] < 3_000, peak


def values(counts: Any) -> Mapping[str, int]:
    assert counts.kind == "categorical"
    return counts.values


def asked(athena: Counted, table: str, sql: str) -> list[dict[str, Any]]:
    return athena.select(sql, database=DATABASE, intent=f"{table} {sql}")


class SpiedPlatform:
    """The platform with its Athena's answers measured."""

    def __init__(self, platform: Platform, athena: Counted) -> None:
        self._platform, self.athena = platform, athena

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)
