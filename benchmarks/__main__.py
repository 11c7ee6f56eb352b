"""``python -m benchmarks NAME``: run a benchmark, print its table, and perhaps write it down."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks import backtest, drift, drift_alarms, localaws, loop
from benchmarks.data import contracts, ingestion, joins, observation
from benchmarks.kills.moments import Plan
from benchmarks.kills.run import run as run_kills
from benchmarks.kills.run import section as kills_section

DATA = {
    "joins": joins,
    "ingestion": ingestion,
    "contracts": contracts,
    "observation": observation,
}
BENCHMARKS = {
    "loop": loop,
    "localaws": localaws,
    "backtest": backtest,
    "drift": drift,
    "drift_alarms": drift_alarms,
    **DATA,
}
PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Read the command line and run what it names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", default="loop", choices=[*BENCHMARKS, "data", "kills"])
    parser.add_argument("--repeat", type=int, default=1, help="how many times, default 1")
    parser.add_argument("--write", action="store_true", help=f"replace the section of {PAGE.name}")
    parser.add_argument("--kills", type=int, default=100, help="kills: how many, default 100")
    parser.add_argument("--seed", type=int, default=1, help="kills: of their moments, default 1")
    parser.add_argument("--keep", type=Path, help="kills: keep the state in this folder")
    options = parser.parse_args()
    if options.what == "kills":
        raise SystemExit(_kills(options))
    if options.repeat < 1:
        parser.error("--repeat must be at least 1")
    for name in DATA if options.what == "data" else [options.what]:
        chosen: Any = BENCHMARKS[name]
        section = chosen.section(chosen.measure(options.repeat))
        print(section)
        if options.write:
            replace(PAGE, name, section)
            print(f"\nwritten to {PAGE}")


def _kills(options: argparse.Namespace) -> int:
    result = run_kills(Plan(options.kills, options.seed), folder=options.keep)
    section = kills_section(result)
    print(section)
    if options.write:
        replace(PAGE, options.what, section)
    return 0 if result.passed else 1


def replace(page: Path, name: str, section: str) -> None:
    """Put a section between its two marks, or at the end of a page that has none."""
    begin, end = f"<!-- {name}: written by `python -m benchmarks` -->", f"<!-- {name}: end -->"
    text = page.read_text() if page.exists() else "# Benchmarks\n"
    block = f"{begin}\n{section}\n{end}"
    before, found, rest = text.partition(begin)
    if not found:
        page.write_text(f"{text.rstrip()}\n\n{block}\n")
        return
    _, ended, after = rest.partition(end)
    if not ended:
        raise SystemExit(f"{page}: the mark {begin!r} has no {end!r}; add it after the section.")
    page.write_text(f"{before}{block}{after}")


if __name__ == "__main__":
    main()
