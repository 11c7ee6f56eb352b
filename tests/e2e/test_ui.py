"""The lineage as people see it: the real webserver, asked by GraphQL and by a real browser.

Nothing is materialized here; what runs is the loop's test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.e2e.browser import browsing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 100
LOOK_SECONDS = 60
CHAIN = (
    "glue/nycflights/weather",
    "flight_delay/days/weather_hourly",
    "flight_delay/datasets/weather_hourly",
    "flight_delay/features/weather",
    "flight_delay/training_set",
    "flight_delay/training/model",
    "flight_delay/registry",
    "flight_delay/approval",
    "flight_delay/release",
    "flight_delay/deployment/dev",
    "flight_delay/deployment/staging",
    "flight_delay/deployment/prod",
)


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """A webserver on a free port with a DAGSTER_HOME of its own; stopped by its own pid."""
    home = tmp_path_factory.mktemp("dagster-home")
    shutil.copy(ROOT / "dagster.yaml", home)
    port = free_port()
    argv = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port)]
    log = home / "webserver.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*argv, "-w", str(ROOT / "workspace.yaml")],
            # Not the repository: Dagster takes DAGSTER_HOME from the .env where it is started.
            cwd=home,
            env={**os.environ, "DAGSTER_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_lineage_leads_from_a_glue_table_to_prod(ui: str) -> None:
    upstream = {
        "/".join(node["assetKey"]["path"]): {
            "/".join(each["path"]) for each in node["dependencyKeys"]
        }
        for node in _graphql(ui, "{ assetNodes { assetKey { path } dependencyKeys { path } } }")[
            "assetNodes"
        ]
    }
    for before, after in pairwise(CHAIN):
        assert before in upstream[after], f"{after} comes from {upstream[after]}"


def test_a_browser_shows_the_lineage(ui: str, browser: str, tmp_path: Path) -> None:
    names = {key.rpartition("/")[2] for key in CHAIN}
    address = f"{ui}/locations/perennial/asset-groups/flight_delay/lineage"
    deadline = time.monotonic() + LOOK_SECONDS
    missing = names
    with browsing(browser, tmp_path / "profile", size=(2400, 1300)) as page:
        page.open(address)
        # The page draws when its queries are answered.
        while missing and time.monotonic() < deadline:
            lines = set(page.text().split("\n"))
            missing = names - lines
            time.sleep(0.2)
    assert not missing, f"{address} does not show {sorted(missing)}"


def _graphql(url: str, query: str) -> dict[str, Any]:
    request = Request(
        f"{url}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"content-type": "application/json"},
    )
    with urlopen(request, timeout=30) as answer:
        document: dict[str, Any] = json.load(answer)
    assert not document.get("errors"), document["errors"]
    return document["data"]


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with urlopen(f"{url}/server_info", timeout=5):
                return
        except (URLError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"no UI after {START_SECONDS} s: {log.read_text(errors='replace')[-2000:]}")
