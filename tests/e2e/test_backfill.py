"""Days of a dataset made anew by a person: clicked in the UI, and asked for at the CLI.

A state of its own with three weeks of flights, the real daemon, the real webserver, and a browser.
Nothing is trained.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import dagster as dg
import pytest

from orchestration.environments import ROOT, load_environment
from orchestration.local import start_everything, stop_everything
from orchestration.processes import Service
from orchestration.upstream import land
from tests.e2e.browser import browsing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DAYS = dg.AssetKey(["flight_delay", "days", "weather_hourly"])
LANDED = datetime(2013, 1, 22)  # noqa: DTZ001 - data time is naive UTC
CLICKED = {"2013-01-05", "2013-01-08", "2013-01-09"}
TYPED = {"2013-01-11", "2013-01-12"}
START_SECONDS = 100
RUN_SECONDS = 120


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Path]:
    """What `perennial up` starts, on a state folder and a port of this module's own."""
    folder = tmp_path_factory.mktemp("perennial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERENNIAL_STATE", str(folder))
        patch.setenv("PERENNIAL_AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        try:
            list(start_everything())
            platform = load_environment().doors()
            land(platform.accounts, platform.names, LANDED)
            yield folder
        finally:
            list(stop_everything())


@pytest.fixture
def instance(state: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(state / "dagster")) as found:
        yield found


@pytest.fixture(scope="module")
def ui(state: Path, free_port: Callable[[], int]) -> Iterator[str]:
    """The UI on this state."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    service = Service("webserver", state)
    argv = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port)]
    service.start(
        [*argv, "-w", str(ROOT / "workspace.yaml")],
        env=dict(os.environ),
        ready=lambda: _answers(url),
        cwd=state,
        timeout=START_SECONDS,
    )
    yield url
    service.stop()


def test_days_picked_in_the_ui_are_made_and_no_others(
    ui: str, browser: str, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    assert instance.get_materialized_partitions(DAYS) == set()
    with browsing(browser, tmp_path / "profile") as page:
        page.open(f"{ui}/assets/{'/'.join(DAYS.path)}?view=partitions")
        page.click("Materialize…")
        # The dialog offers the last ninety days; data time is years behind.
        page.click("Show all partitions", "button, a, span")
        page.wait("All time")
        page.focus("input[placeholder^='ex: ']")
        page.type("2013-01-05, [2013-01-08...2013-01-09]")
        page.press("Enter", 13)
        page.wait("3 partitions")
        page.picture(tmp_path / "picked.png")
        page.click("Launch backfill")
        page.wait("Created backfill")
        page.click("View")
        (backfill,) = instance.get_backfills()
        page.wait(backfill.backfill_id)
        runs = ended(instance, backfill.backfill_id, 2)
        page.open(f"{ui}/assets/{'/'.join(DAYS.path)}?view=partitions")
        page.wait("Materialized (3)")
        page.picture(tmp_path / "made.png")
    assert instance.get_materialized_partitions(DAYS) == CLICKED
    assert served() == CLICKED
    # One run for each unbroken run of days.
    assert sorted(run.tags["dagster/asset_partition_range_start"] for run in runs) == [
        "2013-01-05",
        "2013-01-08",
    ]


def test_days_asked_for_at_the_cli_are_made_and_no_others(
    state: Path, instance: dg.DagsterInstance
) -> None:
    before = instance.get_materialized_partitions(DAYS)
    known = {each.backfill_id for each in instance.get_backfills()}
    argv = [sys.executable, "-m", "dagster", "job", "backfill", "--noprompt"]
    argv += ["-w", str(ROOT / "workspace.yaml"), "-j", "backfill_flight_delay"]
    done = subprocess.run(
        [*argv, "--from", min(TYPED), "--to", max(TYPED)],
        cwd=state,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    (backfill,) = (each for each in instance.get_backfills() if each.backfill_id not in known)
    assert len(ended(instance, backfill.backfill_id, len(TYPED))) == len(TYPED)
    assert instance.get_materialized_partitions(DAYS) - before == TYPED
    assert served() == TYPED | before


def served() -> set[str]:
    """The days that the dataset's table has, in the catalogue, with rows."""
    catalogue = load_environment().doors().catalogue
    found = catalogue.partitions("perennial_flight_delay", "weather_hourly")
    assert all(int(each.parameters["perennial.rows"]) > 20 for each in found)
    return {each.values[0] for each in found}


def ended(instance: dg.DagsterInstance, backfill_id: str, number: int) -> list[dg.DagsterRun]:
    """Wait until so many runs of a backfill are over, and return all it has.

    The backfill itself is called complete by a later turn of the daemon, half a minute on.
    """
    deadline = time.monotonic() + RUN_SECONDS
    runs: list[dg.DagsterRun] = []
    while time.monotonic() < deadline:
        runs = list(instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id})))
        if len(runs) >= number and all(run.is_finished for run in runs):
            assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
            return runs
        time.sleep(0.3)
    pytest.fail(f"not over after {RUN_SECONDS} s: {[(run.status, run.tags) for run in runs]}")


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/server_info", timeout=5):
            return True
    except (URLError, TimeoutError, ConnectionError):
        return False
