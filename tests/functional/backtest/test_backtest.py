"""A backtest on the embedded AWS: the sets production made, through the CLI, again and again."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.training_set import build, manifest_of
from assets.windows import training_window
from orchestration.backtest.history import History
from orchestration.backtest.scratch import Scratch
from orchestration.backtest.span import Span
from orchestration.backtest.store import Store
from tests.functional.conftest import EmbeddedAws
from tests.functional.localaws.core_world import running
from tests.functional.loop.loop_world import ROOT, Loop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


TRAINED = datetime(2013, 1, 22)  # noqa: DTZ001 - data time is naive UTC
LANDED = datetime(2013, 2, 8)  # noqa: DTZ001
NAME = "flight_quick"
RETRAINING = {
    "max_age": "6d", "minimum_new_data": "1d", "cool_down": "1d",
    "back_off": "5m", "maximum_back_off": "6h",
}  # fmt: skip


# Two processes of the project's own, a refresh of all features: slow on a busy machine.
pytestmark = pytest.mark.timeout(900)


class Past:
    """A deployment on which flights have landed."""

    def __init__(self, endpoint_url: str, folder: Path) -> None:
        self.loop = Loop(EmbeddedAws(endpoint_url), folder)
        self.use_case = self.loop.declare("backtested", name=NAME, retraining=RETRAINING)
        self.loop.bootstrap(self.use_case)

    def make_training_set(self) -> Any:
        """Make the training set of what has landed as production does; return its rows."""
        outcome = self.loop.run(self.use_case, "refresh_features")
        assert outcome.succeeded, outcome.told
        platform = self.loop.platform
        window = training_window(platform, self.use_case)
        table = build(platform, self.use_case, window, salt="the test's")
        manifest = manifest_of(platform, self.use_case, table)
        prefix = json.loads(table.parameters["perennial.summary"])["uri"].split("/", 3)[3]
        parts = [
            pq.read_table(io.BytesIO(platform.lake.get(f"{prefix.rstrip('/')}/{each.path}")))
            for each in manifest.files
        ]
        return pa.concat_tables(parts)

    def backtest(self, folder: Path, *options: str, policies: tuple[str, ...]) -> Any:
        files = []
        for name in policies:
            path = folder / f"{name}.yaml"
            path.write_text(f"name: {name}\nkind: {name}\n")
            files += ["--policy", str(path)]
        env = {
            **os.environ,
            "PERENNIAL_AWS_ENDPOINT_URL": self.loop.environment.endpoint_url or "",
            "PERENNIAL_STATE": str(folder / "state"),
            "PERENNIAL_USECASES": str(self.use_case.folder.parent),
            "COLUMNS": "160",
        }
        command = [sys.executable, "-m", "orchestration.cli", "backtest", NAME, "--here"]
        return subprocess.run(
            [*command, "--from", "2013-01-22", *options, "--out", str(folder / "out"), *files],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    def left(self) -> list[str]:
        database = self.loop.platform.names.curated_database(NAME)
        tables = self.loop.platform.catalogue.tables(database)
        return [each.name for each in tables if each.name.startswith("backtest")]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    # A process of its own: this one runs the other tests' server, whose raw tables move on.
    with running(tmp_path_factory.mktemp("aws")) as server:
        made = Past(server.endpoint_url, tmp_path_factory.mktemp("past"))
        made.loop.land(LANDED)
        yield made


def test_a_past_training_set_is_the_one_production_made(tmp_path: Path) -> None:
    with running(tmp_path / "aws") as server:
        past = Past(server.endpoint_url, tmp_path)
        past.loop.land(TRAINED)
        made = past.make_training_set()
        past.loop.land(LANDED)
        span = Span.of(date(2013, 1, 22), date(2013, 2, 4))
        scratch = Scratch(past.loop.platform, past.use_case)
        history = History(scratch, past.use_case, span, Store(tmp_path / "store"))
        found = history.training_set(TRAINED)
        # What came later is there, but not for a training of that day.
        assert history.events.num_rows > found.num_rows > 10_000
    order = [("flight_id", "ascending")]
    expected = made.select(found.column_names).sort_by(order)
    assert found.sort_by(order).to_pylist() == expected.to_pylist()


def test_the_cli_replays_tells_and_leaves_nothing_behind(past: Past, tmp_path: Path) -> None:
    policies = ("never", "weekly", "governor")
    done = past.backtest(tmp_path, "--through", "2013-02-04", policies=policies)
    assert done.returncode == 0, done.stdout + done.stderr
    out = tmp_path / "out"
    told = json.loads((out / "backtest.json").read_text())
    by_name = {each["policy"]: each for each in told["policies"]}
    assert told["weeks"] == ["2013-01-22", "2013-01-29"]
    assert by_name["never"]["retrains"] == 0
    assert [each["at"] for each in by_name["weekly"]["trainings"]] == ["2013-01-29"]
    aged = by_name["governor"]["trainings"]
    assert aged
    assert any("staleness" in reason for reason in aged[0]["reasons"])
    # One first model for all: its week is the same, and it has learnt something.
    first = {each["weekly_auc"][0] for each in (by_name["never"], by_name["weekly"])}
    assert len(first) == 1
    assert 0.55 < first.pop() < 0.9
    rows = list(csv.DictReader(io.StringIO((out / "weekly.csv").read_text())))
    assert float(rows[1]["weekly"]) == pytest.approx(by_name["weekly"]["weekly_auc"][1], abs=1e-6)
    assert "| weekly |" in (out / "backtest.md").read_text()
    assert (out / "backtest.png").read_bytes().startswith(b"\x89PNG")
    assert all(name in done.stdout for name in policies)
    assert past.left() == []
    # The second time everything is found, and says the same.
    before = {each.name: each.read_bytes() for each in out.iterdir()}
    again = past.backtest(tmp_path, "--through", "2013-02-04", policies=policies)
    assert again.returncode == 0, again.stderr
    assert {each.name: each.read_bytes() for each in out.iterdir()} == before


def test_more_than_has_landed_is_refused_with_what_is_needed(past: Past, tmp_path: Path) -> None:
    done = past.backtest(tmp_path, "--through", "2013-03-04", policies=("never",))
    assert done.returncode == 1
    assert "has landed through 2013-02-08" in done.stderr
    assert "2013-03-08" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_first_model_that_cannot_be_is_told(past: Past, tmp_path: Path) -> None:
    done = past.backtest(
        tmp_path, "--from", "2013-01-03", "--through", "2013-01-12", policies=("never",)
    )
    assert done.returncode == 1
    assert "no first model at 2013-01-03" in done.stderr
    assert "--from" in done.stderr
