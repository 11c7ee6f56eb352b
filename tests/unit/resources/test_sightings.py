"""A look over many tables: how many calls it takes, and whom one table's trouble reaches."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from resources.errors import Terminal
from resources.glue import TABLES_A_PAGE, Catalogue, TableFacts, source_facts
from resources.sightings import (
    REREAD_AFTER,
    REREAD_SECONDS,
    REREADS_A_LOOK,
    Name,
    Seen,
    look,
)
from tests.unit.resources.fakes import FakeTime, refusal

THEN = datetime(2026, 1, 1, tzinfo=UTC)


class FakeGlue:
    """A catalogue of databases with tables of two partitions each, which counts its calls."""

    def __init__(self, **sizes: int) -> None:
        self.calls: Counter[str] = Counter()
        self.broken: set[str] = set()
        self.tables = {
            database: {f"t{n:03}": self._table(f"t{n:03}") for n in range(size)}
            for database, size in sizes.items()
        }

    @staticmethod
    def _table(name: str) -> dict[str, Any]:
        return {
            "Name": name,
            "CreateTime": THEN,
            "VersionId": "1",
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "Parameters": {"perennial.landed_through": "2013-03-01T00:00:00"},
        }

    def get_tables(self, DatabaseName: str, MaxResults: int, NextToken: str = "0") -> Any:  # noqa: N803 - boto3's names
        self.calls["GetTables"] += 1
        if DatabaseName not in self.tables:
            raise refusal("EntityNotFoundException", operation="GetTables")
        if DatabaseName in self.broken:
            raise refusal("ThrottlingException", operation="GetTables")
        assert MaxResults == TABLES_A_PAGE
        tables, start = list(self.tables[DatabaseName].values()), int(NextToken)
        end = start + MaxResults
        more = {"NextToken": str(end)} if end < len(tables) else {}
        return {"TableList": tables[start:end], **more}

    def get_partitions(self, DatabaseName: str, TableName: str, **_: Any) -> Any:  # noqa: N803 - boto3's names
        self.calls["GetPartitions"] += 1
        if f"{DatabaseName}.{TableName}" in self.broken:
            raise refusal("InternalServiceException", operation="GetPartitions", status=500)
        version = self.tables[DatabaseName][TableName]["VersionId"]
        return {
            "Partitions": [
                {"Values": [day], "CreationTime": THEN, "Parameters": {"v": version}}
                for day in ("2013-01-01", "2013-01-02")
            ]
        }


def wanted(glue: FakeGlue) -> dict[Name, str | None]:
    return {(d, table): "dt" for d, tables in glue.tables.items() for table in tables}


def seen(found: Any) -> dict[Name, Seen]:
    return {name: each.seen for name, each in found.items()}


def test_a_look_over_a_thousand_tables_is_a_call_per_page() -> None:
    glue = FakeGlue(**{f"d{n}": 100 for n in range(8)}, big=199, odd=1)
    catalogue = Catalogue(glue)
    before = look(catalogue, wanted(glue), {}, clock=0.0)
    assert len(before) == 1000
    assert glue.calls == {"GetTables": 8 + 2 + 1, "GetPartitions": 1000}
    glue.calls.clear()
    again = look(catalogue, wanted(glue), seen(before), clock=1.0)
    assert glue.calls == {"GetTables": 11}
    assert seen(again) == seen(before)
    assert all(each.partitions is None for each in again.values())
    glue.calls.clear()
    glue.tables["big"]["t150"]["VersionId"] = "2"
    changed = look(catalogue, wanted(glue), seen(before), clock=1.0)
    assert glue.calls == {"GetTables": 11, "GetPartitions": 1}
    assert [n for n, each in changed.items() if each.seen != before[n].seen] == [("big", "t150")]


def test_partitions_are_read_again_after_a_while_a_few_at_a_time() -> None:
    glue = FakeGlue(d=50)
    catalogue = Catalogue(glue)
    known = seen(look(catalogue, wanted(glue), {}, clock=0.0))
    glue.calls.clear()
    for turn in range(50 // REREADS_A_LOOK + 2):
        clock = float(REREAD_AFTER + turn)
        found = look(catalogue, wanted(glue), known, clock=clock)
        read = [name for name, each in found.items() if each.partitions is not None]
        assert len(read) == max(min(REREADS_A_LOOK, 50 - turn * REREADS_A_LOOK), 0)
        known = seen(found)
    assert glue.calls["GetPartitions"] == 50


def test_a_slow_catalogue_is_read_again_in_turn_and_no_longer_than_a_tick_bears() -> None:
    glue = FakeGlue(d=8)
    known = seen(look(Catalogue(glue), wanted(glue), {}, clock=0.0))
    time = FakeTime()
    answer, turns = glue.get_partitions, []

    def slowly(**request: Any) -> Any:
        time.sleep(REREAD_SECONDS / 2)
        return answer(**request)

    glue.get_partitions = slowly  # type: ignore[method-assign]
    for turn in range(5):
        clock = float(REREAD_AFTER + turn)
        found = look(Catalogue(glue), wanted(glue), known, clock=clock, timer=time.clock)
        turns.append([table for (_, table), each in found.items() if each.partitions is not None])
        known = seen(found)
    assert turns == [["t000", "t001"], ["t002", "t003"], ["t004", "t005"], ["t006", "t007"], []]


def test_what_changed_is_read_however_slow_the_catalogue_is() -> None:
    glue = FakeGlue(d=3)
    found = look(
        Catalogue(glue), wanted(glue), {}, clock=0.0, timer=iter(range(0, 600, 60)).__next__
    )
    assert all(each.partitions is not None for each in found.values())


def test_reads_are_few_at_once_and_none_waits_for_ever() -> None:
    glue = FakeGlue(d=50)
    known: dict[Name, Seen] = {}
    for turn in range(6):
        # The first ten change before every look.
        for name in list(glue.tables["d"])[:10]:
            glue.tables["d"][name]["VersionId"] = str(turn)
        found = look(Catalogue(glue), wanted(glue), known, clock=float(turn + 1), reads=15)
        assert glue.calls.pop("GetPartitions") <= 15
        known = {name: each.seen for name, each in found.items() if each.seen}
        assert all(each.facts is not None for each in found.values())
    assert len(known) == 50


def test_trouble_with_one_reaches_no_other() -> None:
    glue = FakeGlue(d=3, e=1, f=1)
    asked = wanted(glue) | {("d", "t999"): "dt", ("nowhere", "t000"): None}
    glue.broken |= {"e", "d.t001"}
    glue.tables["f"]["t000"]["Parameters"]["perennial.landed_through"] = "2013-03-01T00:00:00Z"
    found = look(Catalogue(glue), asked, {}, clock=0.0)
    assert {name for name, each in found.items() if each.seen} == {("d", "t000"), ("d", "t002")}
    assert {name for name, each in found.items() if each.gone} == {
        ("d", "t999"),
        ("nowhere", "t000"),
    }
    assert "Glue has no table d.t999. Have its owner land it" in found["d", "t999"].problem
    assert "Glue has no database nowhere" in found["nowhere", "t000"].problem
    assert "ThrottlingException" in found["e", "t000"].problem
    assert "InternalServiceException" in found["d", "t001"].problem
    assert "without an offset" in found["f", "t000"].problem


def test_partitions_with_further_keys_share_their_days_version() -> None:
    glue = FakeGlue(d=1)
    glue.tables["d"]["t000"]["PartitionKeys"] = [
        {"Name": "dt", "Type": "string"},
        {"Name": "region", "Type": "string"},
    ]

    def answer(version: str) -> Any:
        values = [("2013-01-01", "eu"), ("2013-01-01", "us"), ("2013-01-02", "eu")]
        return {
            "Partitions": [
                {
                    "Values": list(each),
                    "CreationTime": THEN,
                    "Parameters": {"v": version if each[1] == "us" else "1"},
                }
                for each in values
            ]
        }

    found = []
    for version in ("1", "2"):
        glue.get_partitions = lambda version=version, **_: answer(version)  # type: ignore[method-assign]
        found.append(look(Catalogue(glue), wanted(glue), {}, clock=0.0)["d", "t000"].partitions)
    assert found[0] is not None
    assert found[1] is not None
    assert set(found[0]) == {"2013-01-01", "2013-01-02"}
    assert found[0]["2013-01-01"] != found[1]["2013-01-01"]
    assert found[0]["2013-01-02"] == found[1]["2013-01-02"]


@pytest.mark.parametrize("said", ["yesterday", "", "2013-03-01T00:00:00+01:00"])
def test_a_mark_that_is_no_naive_time_is_refused(said: str) -> None:
    table = TableFacts("d", "t", (), (), {"perennial.landed_through": said}, "", THEN, "1")
    with pytest.raises(Terminal, match="expected an ISO timestamp in UTC without an offset"):
        source_facts(table)
