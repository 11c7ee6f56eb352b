"""From an answer to a verdict: released, asked, captured, labelled late, judged."""

from __future__ import annotations

import io
import json
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from orchestration.replaying import replay
from resources.errors import Terminal
from resources.objects import parse_s3_uri
from resources.predictions import read_intake, take_in
from sensors.evidence import evidence_for
from sensors.governing import situation_of
from sensors.quality import report_for
from tests.functional.loop.conftest import LANDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from decisions.quality import QualityReport
    from decisions.reports import MonitorReport
    from tests.functional.loop.loop_world import Loop, Outcome
    from usecases.declaration import UseCase

FROM, UNTIL = datetime(2013, 1, 13), datetime(2013, 1, 21)  # noqa: DTZ001 - naive UTC
PER_DAY = 120
MONITOR = {
    "window": "4d", "windows": 2, "minimum_labels": 200, "minimum_coverage": 0.9,
    "maximum_auc_drop": 0.15, "maximum_brier_rise": 0.15,
}  # fmt: skip


@pytest.fixture(scope="module")
def watched(loop: Loop, again: Outcome) -> UseCase:
    """The model of this folder, watched in windows of four days."""
    return loop.declare("watched", monitors={"quality": MONITOR})


@pytest.fixture(scope="module")
def serving(loop: Loop, watched: UseCase) -> str:
    """The endpoint of the last stage, once the release that the first training started is done."""
    name = loop.platform.names.release_pipeline(watched.name)
    deadline = time.monotonic() + 180
    while any(each.in_flight for each in loop.platform.releases.executions(name)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    facts = loop.platform.endpoints("dev").describe(loop.platform.names.endpoint(watched.name))
    assert facts is not None
    assert facts.status == "InService"
    return facts.name


def captured(loop: Loop, use_case: UseCase, lines: int) -> Any:
    """Take captures in until so many lines were ever read; return the whole account."""
    deadline = time.monotonic() + 60
    while True:
        intake, _ = take_in(loop.platform, use_case.name, "dev", seconds=5)
        if intake.account.lines >= lines:
            return intake.account
        assert time.monotonic() < deadline, intake.account
        time.sleep(0.5)


@pytest.fixture(scope="module")
def asked(loop: Loop, watched: UseCase, serving: str) -> int:
    """Some flights of eight days were asked about; all answers are in the table."""
    done = replay(loop.platform, watched, FROM, UNTIL, per_day=PER_DAY)
    assert done.asked == 8 * PER_DAY
    captured(loop, watched, done.asked)
    return done.asked


def report(loop: Loop, use_case: UseCase) -> QualityReport:
    found = report_for(loop.platform, use_case, situation_of(loop.platform, use_case))
    assert found is not None
    return found[1]


def governors(loop: Loop, use_case: UseCase) -> MonitorReport:
    """What the governor reads of model quality."""
    situation = situation_of(loop.platform, use_case)
    reports = evidence_for(loop.platform, use_case, situation, ()).monitors
    (found,) = [each for each in reports if each.monitor == "model_quality"]
    return found


@pytest.fixture
def restate(loop: Loop) -> Iterator[Callable[[Any], None]]:
    """Land the flights of the windows again, changed; afterwards as they were."""
    catalogue, lake = loop.platform.catalogue, loop.platform.lake
    table = catalogue.table("nycflights", "flights")
    before = [
        each
        for each in catalogue.partitions("nycflights", "flights")
        if FROM - timedelta(days=1) <= datetime.fromisoformat(each.values[0]) <= UNTIL
    ]

    def land(edit: Callable[[pa.Table], pa.Table]) -> None:
        moved = []
        for each in before:
            prefix = parse_s3_uri(each.location)[1]
            (file,) = [one.key for one in lake.list(prefix) if one.size]
            sink = io.BytesIO()
            pq.write_table(edit(pq.read_table(io.BytesIO(lake.get(file)))), sink)
            place = f"restated/{time.monotonic_ns()}/{each.values[0]}/"
            lake.put(f"{place}data.parquet", sink.getvalue())
            moved.append(type(each)(each.values, lake.uri(place), each.parameters))
        catalogue.put_partitions(table, moved)

    yield land
    catalogue.put_partitions(table, before)


def column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def withheld(table: pa.Table) -> pa.Table:
    """As before the outcome was known."""
    return column(table, "arr_delay", pa.nulls(len(table), table["arr_delay"].type))


def reversed_outcomes(table: pa.Table) -> pa.Table:
    """Late is punctual and punctual is late: the world turned against the model."""
    return column(table, "arr_delay", pc.subtract(30.5, table["arr_delay"]))


def test_every_answer_is_a_row_and_the_model_is_as_good_as_it_was(
    loop: Loop, watched: UseCase, asked: int
) -> None:
    account = read_intake(loop.platform, watched.name).account
    assert account.rows == asked
    assert account.unnamed > 0, "the release's own probes"
    assert account.lines == account.rows + account.unnamed
    found = report(loop, watched)
    assert [each.scores.predictions for each in found.windows] == [4 * PER_DAY, 4 * PER_DAY]
    assert all(each.scores.coverage == 1.0 for each in found.windows)
    assert found.verdict == "stable", found.why
    assert loop.sensor(watched, "quality_sensor").asset_events
    told = governors(loop, watched)
    assert told.rows == 4 * PER_DAY
    assert told.observed == found.windows[-1].scores.auc


def test_nothing_new_is_neither_read_nor_told_again(
    loop: Loop, watched: UseCase, asked: int
) -> None:
    tick = loop.sensor(watched, "quality_sensor")
    keys = [event.asset_key.path[-1] for event in tick.asset_events]
    assert keys == ["model_quality"]
    again = loop.sensor(watched, "quality_sensor", cursor=tick.cursor)
    assert not again.asset_events
    assert read_intake(loop.platform, watched.name).account.rows == asked


def test_asking_again_changes_no_verdict(loop: Loop, watched: UseCase, asked: int) -> None:
    before, lines = report(loop, watched), read_intake(loop.platform, watched.name).account.lines
    replay(loop.platform, watched, FROM, FROM + timedelta(days=1), per_day=10)
    captured(loop, watched, lines + 10)
    after = report(loop, watched)
    assert [each.scores.predictions for each in after.windows] == [4 * PER_DAY, 4 * PER_DAY]
    assert after.windows[0].scores.auc == pytest.approx(before.windows[0].scores.auc)


def test_labels_that_do_not_come_are_told_and_count_once_they_do(
    loop: Loop, watched: UseCase, asked: int, restate: Callable[[Any], None]
) -> None:
    restate(withheld)
    found = report(loop, watched)
    assert (found.verdict, found.alert) == ("cannot_tell", True)
    assert f"labels do not come: 0 of {4 * PER_DAY} predictions have one" in found.why
    (event,) = loop.sensor(watched, "quality_sensor").asset_events
    assert event.metadata["alert"].value is True
    restate(lambda table: table)
    assert report(loop, watched).verdict == "stable"


def test_a_world_that_turned_fires(
    loop: Loop, watched: UseCase, asked: int, restate: Callable[[Any], None]
) -> None:
    restate(reversed_outcomes)
    found = report(loop, watched)
    assert found.verdict == "drifted", found.why
    assert [each.standing for each in found.windows] == ["short", "short"]
    (event,) = loop.sensor(watched, "quality_sensor").asset_events
    assert governors(loop, watched).verdict == "drifted"
    assert "data:image/png;base64," in event.metadata["timeline"].value


def test_a_killed_intake_is_taken_up_and_odd_files_are_accounted_for(
    loop: Loop, watched: UseCase, asked: int
) -> None:
    bucket = loop.platform.names.capture_bucket("dev")
    s3 = loop.aws.client("s3", "dev")
    prefix = loop.platform.names.capture_prefix(watched.name)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["Contents"]
    body = s3.get_object(Bucket=bucket, Key=listed[-1]["Key"])["Body"].read()
    before = read_intake(loop.platform, watched.name)
    odd = f"{listed[-1]['Key']}.odd.jsonl"
    s3.put_object(Bucket=bucket, Key=odd, Body=body + b"\n{broken\n\xff\xfe\n")
    # As a run leaves it that was killed after it had written down what it was about to read.
    name = f"predictions/{watched.name}/batches/{before.batch + 1:08d}.json"
    loop.platform.lake.put(name, json.dumps([odd]).encode())
    intake, added = take_in(loop.platform, watched.name, "dev", seconds=5)
    assert (intake.batch, added.files, added.rows) == (before.batch + 1, 1, 0)
    assert added.malformed == 2
    assert added.lines == added.duplicates + added.malformed + added.unnamed
    assert all(odd in example for example in added.examples)
    assert take_in(loop.platform, watched.name, "dev", seconds=5)[1].files == 0


def test_bad_days_are_one_clear_error(loop: Loop, watched: UseCase, serving: str) -> None:
    with pytest.raises(Terminal, match="No event of flight_delay between 2012-01-01"):
        replay(loop.platform, watched, datetime(2012, 1, 1), datetime(2012, 1, 2))  # noqa: DTZ001


def test_the_assets_are_in_the_graph(loop: Loop, watched: UseCase) -> None:
    graph = loop.definitions(watched).resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    for name in ("predictions", "model_quality"):
        assert f"flight_delay/monitoring/{name}" in keys
    assert LANDED > UNTIL
    assert dg.AssetKey(["flight_delay", "deployment", "dev"]) in graph.get_all_asset_keys()
