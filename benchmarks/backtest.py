"""What the retraining policies of `flight_delay` were worth in 2013, and how long it takes to tell.

One command, `perennial backtest`, on an empty state: nothing computed before helps it. The picture
is written beside the docs.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.about import about

ROOT = Path(__file__).resolve().parents[1]
POLICIES = ("never", "monthly", "weekly", "drift", "governor")
PICTURE = ROOT / "docs" / "images" / "backtest.png"
#: The project's own promise, on two cores.
LIMIT_SECONDS = 600
_PACKAGES = ("lightgbm", "duckdb", "numpy", "pyarrow")
_TIMEOUT = 3 * 3600


def measure(repeat: int) -> list[dict[str, Any]]:
    """Run the backtest some times, each on a state of its own; return what each came to."""
    found = []
    for turn in range(1, repeat + 1):
        with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
            found.append(_once(Path(folder)))
        print(f"backtest {turn} of {repeat}: {found[-1]['seconds']:.0f} s", file=sys.stderr)
    return found


def section(found: list[dict[str, Any]]) -> str:
    """Return the benchmark as a section of Markdown."""
    seconds = [each["seconds"] for each in found]
    median = statistics.median(seconds)
    same = len({json.dumps(each["document"], sort_keys=True) for each in found}) == 1
    lines = ["## Backtest", "", *about(_PACKAGES), ""]
    lines += [found[-1]["markdown"].rstrip(), ""]
    verdict = "kept" if median <= LIMIT_SECONDS else "missed"
    lines.append(
        f"From an empty state: {median:.0f} s (median of {len(found)}; limit {LIMIT_SECONDS} s: "
        f"{verdict}), landing a year included. "
        f"{'Every run gave the same figures.' if same else 'THE RUNS GAVE DIFFERENT FIGURES.'}"
    )
    return "\n".join(lines)


def _once(state: Path) -> dict[str, Any]:
    out = state / "out"
    folder = ROOT / "usecases" / "flight_delay" / "policies"
    named = [part for name in POLICIES for part in ("--policy", str(folder / f"{name}.yaml"))]
    command = [sys.executable, "-m", "orchestration.cli", "backtest", "flight_delay", *named]
    env = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    begun = time.monotonic()
    done = subprocess.run(
        [*command, "--out", str(out)],
        cwd=ROOT,
        env={**env, "PERENNIAL_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    seconds = time.monotonic() - begun
    if done.returncode:
        raise SystemExit(f"the backtest failed\n{done.stdout}{done.stderr}")
    shutil.copyfile(out / "backtest.png", PICTURE)
    return {
        "seconds": seconds,
        "document": json.loads((out / "backtest.json").read_text()),
        "markdown": (out / "backtest.md").read_text(),
    }
