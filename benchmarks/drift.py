"""Drift of 1 M rows by 40 columns beside Evidently, NannyML, deepchecks and scipy, in one run.

In a round everyone takes turns, each in a process of its own, from Parquet to a verdict a column.
The others read both windows, as they must; ours has counted the baseline before, once, and reads
the window. What each does is in data/drift_rivals.py and data/drift_ours.py.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.about import about
from benchmarks.data.drift_files import BASELINE, CURRENT, DRIFTED, NUMBERS, TEXTS, make
from benchmarks.servers import embedded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.data.drift_ours import OnAthena
    from benchmarks.servers import Server

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-peers-drift" / "bin" / "python"
SQL, ATHENA, ARROW, SCAN = "ours, DuckDB", "ours, embedded Athena", "ours, Arrow", "scan alone"
RIVALS = {
    "Evidently, data-drift preset": "evidently_preset",
    "Evidently, value drift alone": "evidently_values",
    "NannyML, Jensen-Shannon": "nannyml",
    "deepchecks, feature drift": "deepchecks",
    "scipy, column by column": "scipy",
}
#: The preset takes minutes: rivals take part in so many rounds only, unless PEER_ROUNDS says more.
PEER_ROUNDS = 1
MANY = 10_000_000


@dataclass
class Figures:
    """What was measured.

    Attributes:
        freeze: Seconds that counting the baseline took, once.
        wrong: By name the columns whose verdict is not what was done to them.
        errors: By measure the largest difference from the values' own distance.
        many: By pass the seconds and MiB of ten times the rows; empty where it was left out.
        first_tick: Milliseconds of the sensor's first tick over the window.
        ticks: Milliseconds of the ticks after it, over unchanged data.
    """

    rows: int
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    mebibytes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    freeze: float = 0.0
    wrong: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    many: dict[str, tuple[float, float]] = field(default_factory=dict)
    first_tick: float = 0.0
    ticks: list[float] = field(default_factory=list)

    def add(self, name: str, told: dict[str, Any]) -> None:
        """Take in what one comparison took and said."""
        for place in ("seconds", "cpu", "mebibytes"):
            getattr(self, place)[name].append(told[place])
        if told["drifted"]:
            self.wrong[name] = [
                column
                for column in (*NUMBERS, *TEXTS)
                if told["drifted"].get(column) is not (column in DRIFTED)
            ]


def measure(repeat: int, rows: int = 1_000_000, many: int | None = None) -> Figures:
    """Make the files, run all rounds, and look at ten times the rows.

    Args:
        repeat: Rounds of ours; the rivals take part in the first PEER_ROUNDS of them (environment).
        rows: Of each window.
        many: Rows of the large window; DRIFT_MANY_ROWS (environment), or ten million. 0 for none.

    Raises:
        SystemExit: A rival could not be run; says what to do.
    """
    if not PEERS.exists():
        raise SystemExit("Evidently and the others are not installed: run make bench-peers-drift")
    figures = Figures(rows)
    peer_rounds = int(os.environ.get("PEER_ROUNDS", PEER_ROUNDS))
    large = int(os.environ.get("DRIFT_MANY_ROWS", MANY)) if many is None else many
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as place:
        folder = Path(place)
        make(folder, rows)
        began = time.perf_counter()
        _child(_ours("freeze", folder))
        figures.freeze = time.perf_counter() - began
        with embedded(folder / "aws") as server:
            _rounds(server, folder, figures, repeat, peer_rounds)
        with embedded(folder / "tick") as server:
            figures.first_tick, figures.ticks = _ticks(server, folder)
        figures.errors = _child([sys.executable, "-m", "benchmarks.data.drift_exact", str(folder)])
        if large:
            _many(folder, large, figures)
    return figures


def _rounds(server: Server, folder: Path, figures: Figures, repeat: int, peer_rounds: int) -> None:
    from benchmarks.data.drift_ours import OnAthena, frozen

    athena = OnAthena(server.client, folder, [CURRENT])
    athena.compare(frozen(folder))  # the first query copies the file out of S3
    for turn in range(1, repeat + 1):
        for name, what in ((SCAN, "scan"), (ARROW, "arrow"), (SQL, "sql")):
            figures.add(name, _child(_ours(what, folder)))
        figures.add(ATHENA, _on_athena(server, athena, folder))
        if turn <= peer_rounds:
            for name, rival in RIVALS.items():
                script = str(ROOT / "benchmarks" / "data" / "drift_rivals.py")
                told = _child([str(PEERS), script, rival, str(folder)])
                figures.add(name, told)
                print(f"{name}: {told['seconds']:.1f} s", file=sys.stderr)
        print(f"{section(figures)}\nround {turn} of {repeat} done", file=sys.stderr)


def _on_athena(server: Server, athena: OnAthena, folder: Path) -> dict[str, Any]:
    from benchmarks.data.drift_ours import frozen

    baseline, spent, began = frozen(folder), _cpu_seconds(server.pid), time.perf_counter()
    drifted = athena.compare(baseline)
    return {
        "seconds": time.perf_counter() - began,
        "cpu": _cpu_seconds(server.pid) - spent,
        "mebibytes": _peak_mebibytes(server.pid),
        "drifted": drifted,
    }


def _ticks(server: Server, folder: Path) -> tuple[float, list[float]]:
    from benchmarks.data.drift_tick import tick_milliseconds

    return tick_milliseconds(server, folder)


def _many(folder: Path, rows: int, figures: Figures) -> None:
    """Count ten times the rows against the same bins."""
    (folder / f"{CURRENT}.parquet").unlink()
    (folder / f"{BASELINE}.parquet").unlink()
    make(folder, rows, CURRENT)
    for name, what in ((ARROW, "arrow"), (SQL, "sql")):
        told = _child(_ours(what, folder))
        figures.many[name] = (told["seconds"], told["mebibytes"])


def _ours(what: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.data.drift_ours", what, str(folder)]


def _child(argv: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def section(figures: Figures) -> str:
    """Return the benchmark as a section of Markdown: medians, ratios, verdicts, errors."""
    rounds = len(figures.seconds[SQL])
    peers = max((len(figures.seconds[name]) for name in RIVALS), default=0)
    lines = ["## Drift", "", *about(("duckdb", "pyarrow", "numpy")), _versions(), ""]
    lines += [
        f"{figures.rows:,} rows by {len(NUMBERS) + len(TEXTS)} columns ({len(NUMBERS)} numbers,",
        f"{len(TEXTS)} texts of up to 1,000 values), as Parquet; {len(DRIFTED)} columns moved.",
        "From files to a verdict a column, imports not counted; each in a process of its own, but",
        f"for Athena's server, which stays. Medians of {rounds} rounds, ranges in brackets; the",
        f"rivals have {peers}. They read both windows; ours reads the new one against the bins and",
        f"counts of the baseline, which were made once, in {figures.freeze:.1f} s with imports.",
        "",
        "| | seconds | times our SQL | times the scan | CPU seconds | peak MiB | wrong verdicts |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    named = [name for name in (SCAN, ARROW, SQL, ATHENA, *RIVALS) if figures.seconds.get(name)]
    lines += [_row(figures, name) for name in named]
    lines += _wrong(figures)
    if figures.errors:
        told = ", ".join(f"{name} {error:.4f}" for name, error in figures.errors.items())
        lines += [
            "",
            "Largest difference of a number's distance from that of all its values (PSI and",
            f"Jensen-Shannon: of the same bins; over exact deciles they are other bins'): {told}.",
        ]
    if figures.ticks:
        usual, most = statistics.median(figures.ticks), max(figures.ticks)
        lines += [
            "",
            f"The sensor over the embedded AWS: {figures.first_tick:,.0f} ms for the first tick,",
            f"which counts; {usual:.1f} ms (at most {most:.1f}) for each of {len(figures.ticks)}",
            "more over unchanged data.",
        ]
    if figures.many:
        told = "; ".join(
            f"{name} {seconds:.1f} s, {mebibytes:,.0f} MiB"
            for name, (seconds, mebibytes) in figures.many.items()
        )
        lines += ["", f"Ten times the rows: {told}."]
    return "\n".join(lines)


def _row(figures: Figures, name: str) -> str:
    seconds = statistics.median(figures.seconds[name])
    ours, alone = (statistics.median(figures.seconds[each]) for each in (SQL, SCAN))
    wrong = "" if name == SCAN else str(len(figures.wrong.get(name, [])))
    return (
        f"| {name} | {_shown(figures.seconds[name])} | {seconds / ours:.1f} | "
        f"{seconds / alone:.1f} | {_shown(figures.cpu[name])} | "
        f"{max(figures.mebibytes[name]):,.0f} | {wrong} |"
    )


def _wrong(figures: Figures) -> list[str]:
    found = {name: columns for name, columns in figures.wrong.items() if columns}
    if not found:
        return ["", "Every verdict, of everyone on every column, is what was done to it."]
    told = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in found.items())
    return ["", f"Verdicts unlike what was done to the column: {told}."]


def _versions() -> str:
    names = ("evidently", "nannyml", "deepchecks", "scipy", "pandas", "numpy")
    code = (
        "from importlib.metadata import version as v; "
        f"print(', '.join(f'{{n}} {{v(n)}}' for n in {names!r}))"
    )
    done = subprocess.run([PEERS, "-c", code], capture_output=True, text=True, check=True)
    return f"Rivals: {done.stdout.strip()}."


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
