"""The point-in-time join beside Feast and pandas, on the same files in the same run.

In a round the rivals take turns, each in a process of its own, from Parquet files to one Parquet
file; the rows of each are compared with ours. What each does is in join_ours.py and join_rivals.py.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from benchmarks.about import about
from benchmarks.data.join_files import GROUPS, Size, features_of, make
from benchmarks.data.join_ours import MEMORY_LIMIT, OnAthena
from benchmarks.servers import embedded

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
OURS, ATHENA, FEAST, PANDAS = "ours, DuckDB", "ours, embedded Athena", "Feast", "pandas merge_asof"
#: Feast takes minutes; its median is of this many rounds at most.
FEAST_ROUNDS = 3


@dataclass
class Figures:
    """What was measured: per rival one number a round, and rows that differed from ours."""

    size: Size
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    mebibytes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    differing: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, told: dict[str, float]) -> None:
        """Take in what one join took."""
        self.seconds[name].append(told["seconds"])
        self.cpu[name].append(told["cpu"])
        self.mebibytes[name].append(told["mebibytes"])


def measure(repeat: int, size: Size | None = None) -> Figures:
    """Make the files, run all rounds, compare every rival's rows.

    Raises:
        SystemExit: A rival could not be run; says what to do.
    """
    if not PEERS.exists():
        raise SystemExit("Feast is not installed: run make bench-peers")
    figures = Figures(size or Size())
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as place:
        folder = Path(place)
        make(folder, figures.size)
        with embedded(folder / "aws") as server:
            athena = OnAthena(server, folder)
            athena.join()  # the first query copies the files out of S3
            for turn in range(1, repeat + 1):
                _round(folder, athena, figures, with_feast=turn <= FEAST_ROUNDS)
                print(f"{section(figures)}\nround {turn} of {repeat} done", file=sys.stderr)
    return figures


def _round(folder: Path, athena: OnAthena, figures: Figures, *, with_feast: bool) -> None:
    rivals = Path(__file__).with_name("join_rivals.py")
    argv = {
        OURS: [sys.executable, "-m", "benchmarks.data.join_ours"],
        PANDAS: [sys.executable, str(rivals), "pandas"],
    }
    if with_feast:
        argv[FEAST] = [str(PEERS), str(rivals), "feast"]
    for name, command in argv.items():
        output = folder / f"{name.replace(' ', '-')}.parquet"
        told = _child([*command, str(folder), str(output)])
        figures.add(name, told)
        print(f"{name}: {told}", file=sys.stderr)
    figures.add(ATHENA, athena.join())
    athena.fetch(folder / f"{ATHENA.replace(' ', '-')}.parquet")
    for name in (ATHENA, *argv):
        if name != OURS and name not in figures.differing:
            figures.differing[name] = _differing(folder, OURS, name)


def _child(argv: Sequence[str]) -> dict[str, float]:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _differing(folder: Path, left: str, right: str) -> int:
    """Count the rows that one has and the other has not, over every feature."""
    names = ["label_id", "label", *(name for each in range(GROUPS) for name in features_of(each))]
    ours, theirs = (f"'{folder / name.replace(' ', '-')}.parquet'" for name in (left, right))
    columns = ", ".join(names)
    pairs = ((ours, theirs), (theirs, ours))
    with duckdb.connect(config={"threads": 2, "memory_limit": "2GB"}) as connection:
        return sum(
            connection.execute(
                f"SELECT count(*) FROM (SELECT {columns} FROM {one} "  # noqa: S608
                f"EXCEPT ALL SELECT {columns} FROM {other})"
            ).fetchone()[0]
            for one, other in pairs
        )


def section(figures: Figures) -> str:
    """Return the benchmark as a section of Markdown: medians, ranges, ratios."""
    size = figures.size
    rounds = len(figures.seconds[OURS])
    lines = ["## Point-in-time joins", "", *about(("duckdb", "pandas", "sqlglot")), _peer(), ""]
    lines += [
        f"{size.records:,} feature records of {size.entities:,} entities in {GROUPS} groups, one",
        f"in fifty written twice; {size.labels:,} labels. From Parquet files to one Parquet file.",
        f"Medians of {rounds} rounds, ranges in brackets; Feast takes minutes, and has",
        f"{len(figures.seconds[FEAST])}. Each join is a process of its own, but for Athena's",
        f"server, which stays. DuckDB may hold {MEMORY_LIMIT}, as may the embedded Athena's.",
        "Of records written twice the last written counts: Feast is told by its created timestamp,",
        "merge_asof by the order of its input. Rows are compared value by value, to the last bit.",
        "",
        "| | seconds | times ours | CPU seconds | times ours | peak MiB | rows unlike ours |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    return "\n".join(lines + [_row(figures, name) for name in (OURS, ATHENA, FEAST, PANDAS)])


def _peer() -> str:
    code = "from importlib.metadata import version as v; print(v('feast'), v('duckdb'))"
    done = subprocess.run([PEERS, "-c", code], capture_output=True, text=True, check=True)
    feast, engine = done.stdout.split()
    return f"Feast {feast} with its DuckDB offline store (duckdb {engine})."


def _row(figures: Figures, name: str) -> str:
    shown = []
    for measured in (figures.seconds, figures.cpu):
        ratio = statistics.median(measured[name]) / statistics.median(measured[OURS])
        shown += [_shown(measured[name]), f"{ratio:.1f}"]
    peak = max(figures.mebibytes[name])
    differing = "" if name == OURS else f"{figures.differing[name]:,}"
    return f"| {name} | {' | '.join(shown)} | {peak:,.0f} | {differing} |"


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"
