"""A training set is named by what it holds, made again as it was, and held to its word."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from assets import manifests
from assets.training_set import build
from assets.windows import training_window
from orchestration.training_sets import manifest, summary, verify
from resources.errors import Missing, Terminal
from tests.functional.loop.loop_world import ROOT
from tests.functional.training_sets.set_world import (
    forget,
    look_ahead,
    make,
    materialize,
    only_file,
    prefix_of,
    records,
    restate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decisions.manifest import Manifest
    from tests.functional.loop.loop_world import Loop


@pytest.fixture
def whole(own: Loop) -> Iterator[Manifest]:
    """A sound set, made anew afterwards whatever the test did to it."""
    yield make(own)
    forget(own)


def test_two_builds_from_nothing_are_the_same_bytes(own: Loop) -> None:
    first = make(own)
    _, before = only_file(own, first)
    forget(own)
    second = make(own)
    assert second.sha256 == first.sha256
    assert only_file(own, second)[1] == before
    assert manifests.verify(own.platform, second) == []


def test_rows_come_in_order_and_the_pipeline_finds_nothing_else(own: Loop) -> None:
    found = make(own)
    key, body = only_file(own, found)
    ids = pq.read_table(io.BytesIO(body)).column("flight_id").to_pylist()
    assert ids == sorted(ids)
    prefix = prefix_of(found)
    lying = {each.key for each in own.platform.lake.list(f"{prefix}/")}
    assert lying == {key, f"{prefix}/manifest.json"}


def test_the_manifest_says_what_it_was_made_from(own: Loop, whole: Manifest) -> None:
    assert whole.inputs["flights_labelled"].kind == "dataset"
    weather = whole.inputs["weather"]
    assert weather.kind == "feature_group"
    assert weather.records == len(records(own, "weather"))
    assert weather.last_written is not None
    assert weather.last_written <= whole.written_by
    assert whole.as_of == datetime(2013, 1, 22)  # noqa: DTZ001
    assert [column.name for column in whole.columns][:3] == [
        "flight_id",
        "event_time",
        "arr_delayed",
    ]
    assert any("flight_delay" in str(part.title) for part in summary(whole))


def test_a_killed_build_is_finished_from_what_it_left(own: Loop) -> None:
    found = make(own)
    prefix = prefix_of(found)
    # As if killed after copying, before the manifest: other files may lie there.
    own.platform.lake.delete_prefix(f"{prefix}/manifest.json")
    own.platform.lake.put(f"{prefix}/data/half.parquet", b"half")
    assert make(own).sha256 == found.sha256
    assert manifests.verify(own.platform, found) == []


def damage(own: Loop, found: Manifest, kind: str) -> str:
    key, body = only_file(own, found)
    lake = own.platform.lake
    if kind == "a changed byte":
        lake.put(key, body[:99] + bytes([body[99] ^ 1]) + body[100:])
        return "has sha256"
    if kind == "a cut file":
        lake.put(key, body[:-1])
        return f"has {len(body) - 1} bytes, expected {len(body)}"
    if kind == "a lost file":
        lake.delete_prefix(key)
        return "is missing"
    if kind == "one file more":
        lake.put(f"{key.rpartition('/')[0]}/more.parquet", body)
        return "the manifest does not list it"
    assert kind == "a changed manifest"
    name = f"training-sets/flight_delay/manifests/{found.sha256}.json"
    lake.put(name, lake.get(name).replace(b'"2013-01-22', b'"2013-01-23'))
    return "it was changed"


KINDS = [
    "a changed byte",
    "a cut file",
    "a lost file",
    "one file more",
    "a changed manifest",
]


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_found_and_told(own: Loop, whole: Manifest, kind: str) -> None:
    told = damage(own, whole, kind)
    with pytest.raises(Terminal, match=told):
        verify(own.platform, manifest(own.platform, own.quick, whole.sha256))


def test_a_damaged_set_can_be_mended_as_the_error_says(own: Loop, whole: Manifest) -> None:
    damage(own, whole, "a changed byte")
    prefix = prefix_of(whole)
    with pytest.raises(Terminal, match=rf"delete s3://.*{prefix}/manifest.json and materialize"):
        verify(own.platform, whole)
    own.platform.lake.delete_prefix(f"{prefix}/manifest.json")
    assert make(own).sha256 == whole.sha256
    verify(own.platform, whole)


def test_a_manifest_that_was_changed_is_stored_again_by_the_next_build(
    own: Loop, whole: Manifest
) -> None:
    damage(own, whole, "a changed manifest")
    assert make(own) == whole


def test_a_set_that_there_is_not(own: Loop, whole: Manifest) -> None:
    with pytest.raises(Missing, match=f"it has {whole.sha256[:12]}"):
        manifest(own.platform, own.quick, "0" * 64)
    with pytest.raises(Terminal, match="is no sha256; expected 64 characters"):
        manifest(own.platform, own.quick, "latest")


def test_a_past_set_is_made_again_as_it_was_known_then(own: Loop) -> None:
    """Restated, late and deleted records change the set of today, never the one of yesterday."""
    then = make(own)
    restate(own)
    now = make(own)
    assert now.rows_sha256 != then.rows_sha256
    assert now.inputs["weather"].records > then.inputs["weather"].records
    outcome = materialize(own)
    assert outcome.succeeded, outcome.told  # brute force finds the same, rewrites and all
    forget(own)
    outcome = materialize(own, tags={"perennial/written_by": then.written_by.isoformat()})
    assert outcome.succeeded, outcome.told
    assert manifest(own.platform, own.quick).sha256 == then.sha256
    declared = {"window": "20d", "minimum_rows": 1000, "written_by": then.written_by.isoformat()}
    use_case = own.declare("then", training_set=declared)
    window = training_window(own.platform, use_case)
    table = build(own.platform, use_case, window, salt="declared")
    assert json.loads(table.parameters["perennial.summary"])["sha256"] == then.sha256


def test_a_cut_off_that_is_no_time(own: Loop) -> None:
    outcome = materialize(own, tags={"perennial/written_by": "yesterday"})
    assert not outcome.succeeded
    assert "tag perennial/written_by) is 'yesterday': not a time in UTC" in outcome.told


def test_a_value_from_the_future_stops_the_training(own: Loop) -> None:
    """A join that looks ahead makes a set whose digests agree; only brute force sees it."""
    found = make(own)
    assert look_ahead(own, found) > 1000
    outcome = own.run(own.quick)
    assert not outcome.succeeded
    assert "check leakage: row " in outcome.told
    assert "a LEAK: it is the value of a record from after the row's time" in outcome.told
    assert own.aws.client("sagemaker").list_pipelines()["PipelineSummaries"] == []
    forget(own)


def test_the_command_line_says_what_is_sound_and_what_is_not(own: Loop, whole: Manifest) -> None:
    sound = perennial(own, "verify", "flight_delay", "--sha256", whole.sha256)
    assert sound.returncode == 0, sound.stderr
    assert (
        f"training set {whole.sha256} of flight_delay is sound: {whole.rows} rows" in sound.stdout
    )
    shown = perennial(own, "show", "flight_delay")
    assert whole.sha256 in shown.stdout
    damage(own, whole, "a changed byte")
    damaged = perennial(own, "verify", "flight_delay")
    assert damaged.returncode == 1
    assert f"training set {whole.sha256} of flight_delay is damaged" in damaged.stderr
    assert "Traceback" not in damaged.stderr


def perennial(own: Loop, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "training-set", *argv],
        cwd=ROOT,
        env={
            **os.environ,
            "PERENNIAL_AWS_ENDPOINT_URL": own.aws.endpoint_url,
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
