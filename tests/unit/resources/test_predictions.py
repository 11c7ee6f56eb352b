"""The table of predictions: killed before or after any write, each event is in it once."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from resources.errors import Missing, Terminal
from resources.glue import PartitionFacts, TableMissing
from resources.objects import ObjectFacts, parse_s3_uri
from resources.predictions import read_intake, take_in

if TYPE_CHECKING:
    from resources.platform import Platform

FOLDER = "m/v7/m/AllTraffic/2026/11/30/02"


class Killed(BaseException):
    """What ends a run at any point: nothing catches it."""


@dataclass
class Fate:
    """Counts writes, and ends the run at the one that is due, before or after it is made."""

    at: int | None = None
    after: bool = False
    writes: int = 0

    def write(self, make: Any) -> Any:
        self.writes += 1
        due = self.at is not None and self.writes == self.at
        if due and not self.after:
            raise Killed
        made = make()
        if due:
            raise Killed
        return made


@dataclass
class Bucket:
    """One bucket in memory."""

    fate: Fate
    bodies: dict[str, bytes] = field(default_factory=dict)

    def uri(self, key: str) -> str:
        return f"s3://lake/{key}"

    def list(self, prefix: str) -> Any:
        found = [key for key in sorted(self.bodies) if key.startswith(prefix)]
        return iter([ObjectFacts(key, 1, "", cast("Any", None)) for key in found])

    def get(self, key: str) -> bytes:
        if key not in self.bodies:
            raise Missing(key)
        return self.bodies[key]

    def get_json(self, key: str) -> Any:
        return json.loads(self.get(key))

    def exists(self, key: str) -> bool:
        return key in self.bodies

    def put(self, key: str, body: bytes) -> None:
        self.fate.write(lambda: self.bodies.__setitem__(key, body))

    def put_json(self, key: str, document: Any) -> None:
        self.put(key, json.dumps(document).encode())

    def put_if_absent(self, key: str, body: bytes) -> bool:
        return key not in self.bodies and (self.put(key, body), True)[1]

    def delete_prefix(self, prefix: str) -> None:
        self.fate.write(
            lambda: [self.bodies.pop(key) for key in list(self.bodies) if key.startswith(prefix)]
        )


@dataclass
class Catalogue:
    """One table in memory."""

    fate: Fate
    there: bool = False
    days: dict[tuple[str, ...], PartitionFacts] = field(default_factory=dict)

    def table(self, database: str, _name: str) -> Any:
        if not self.there:
            raise TableMissing("none")
        return SimpleNamespace(database=database)

    def point_table(self, *_: Any, **__: Any) -> None:
        self.fate.write(lambda: setattr(self, "there", True))

    def partitions(self, _database: str, _name: str) -> tuple[PartitionFacts, ...]:
        return tuple(self.days[values] for values in sorted(self.days))

    def put_partitions(self, _table: Any, partitions: list[PartitionFacts]) -> None:
        self.fate.write(lambda: self.days.update({each.values: each for each in partitions}))


class World:
    """A platform of which only predictions are known."""

    def __init__(self) -> None:
        self.fate = Fate()
        self.lake, self.captures = Bucket(self.fate), Bucket(Fate())
        self.catalogue = Catalogue(self.fate)
        self.platform = cast(
            "Platform",
            SimpleNamespace(
                lake=self.lake,
                catalogue=self.catalogue,
                captures=lambda _stage: self.captures,
                names=SimpleNamespace(
                    capture_prefix=lambda _use_case: "m", curated_database=lambda _use_case: "p_m"
                ),
            ),
        )

    def capture(self, name: str, *lines: str) -> None:
        self.captures.bodies[f"{FOLDER}/{name}.jsonl"] = "\n".join(lines).encode()

    def take(self, at: int | None = None, *, after: bool = False) -> bool:
        """Take in; say whether the run was killed."""
        self.fate.at, self.fate.after, self.fate.writes = at, after, 0
        try:
            take_in(self.platform, "m", "prod", seconds=60)
        except Killed:
            return True
        return False

    def events(self) -> list[str]:
        found: list[str] = []
        for each in self.catalogue.days.values():
            key = parse_s3_uri(each.location)[1] + "data.parquet"
            rows = pq.read_table(io.BytesIO(self.lake.bodies[key])).to_pylist()
            assert all(str(row["event_time"].date()) == each.values[0] for row in rows)
            found += [row["event_id"] for row in rows]
        return sorted(found)


def line(event: int) -> str:
    said = '{"predictions": [{"probability": 0.5}]}'
    document = {
        "captureData": {
            "endpointInput": {"data": '{"instances": [{"a": 1}]}', "encoding": "JSON"},
            "endpointOutput": {"data": said, "encoding": "JSON"},
        },
        "eventMetadata": {
            "eventId": f"e{event:02d}",
            "inferenceId": f"f{event}",
            "customAttributes": [f"event_time=2013-06-0{1 + event % 3}T10:00:00"],
            "inferenceTime": "2026-11-30T02:00:00Z",
        },
    }  # fmt: skip
    return json.dumps(document)


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 9), max_size=6), st.integers(0, 14), st.booleans()),
        min_size=1,
        max_size=5,
    )
)
def test_killed_anywhere_each_event_is_there_once(
    steps: list[tuple[list[int], int, bool]],
) -> None:
    world, sent = World(), []
    for number, (events, kill, after) in enumerate(steps):
        world.capture(str(number), *(line(event) for event in events), "broken")
        sent += events
        world.take(kill or None, after=after)
    while world.take():
        pass
    account = read_intake(world.platform, "m").account
    assert world.events() == [f"e{event:02d}" for event in sorted(set(sent))]
    assert account.rows == len(set(sent))
    assert account.duplicates == len(sent) - len(set(sent))
    assert account.malformed == account.files == len(steps)
    assert account.lines == account.rows + account.duplicates + account.malformed
    assert not world.take()
    assert world.fate.writes == 0, "nothing new, nothing written"


def test_what_a_day_was_is_deleted_two_batches_later() -> None:
    world = World()
    for event in (0, 3, 6):
        world.capture(str(event), line(event))
        world.take()
    kept = [key for key in world.lake.bodies if key.endswith(".parquet")]
    assert len(kept) == 2
    assert len(world.events()) == 3


def test_captures_that_expired_are_forgotten_and_their_rows_stay() -> None:
    world = World()
    world.capture("old", line(1))
    world.take()
    world.captures.bodies.clear()
    world.capture("new", line(2))
    world.take()
    assert world.events() == ["e01", "e02"]
    assert read_intake(world.platform, "m").known == {f"{FOLDER}/new.jsonl"}


def test_a_damaged_memory_is_one_clear_error() -> None:
    world = World()
    world.lake.bodies["predictions/m/taken-in.json"] = b'{"batch": 1}'
    with pytest.raises(Terminal, match=r"s3://lake/predictions/m/taken-in.json .* Put its last"):
        take_in(world.platform, "m", "prod", seconds=1)
