"""The days of the drift monitor's tables, counted against one champion's baseline, and kept.

The very statements that production counts with, many days in one: a replay asks for a window at
each tick, and the windows share their days. How windows are judged belongs to judging.py.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from decisions.baseline import Baseline, Profile
from decisions.model import canonical_json, digest_of
from usecases.profiling import measure_days, watched, window_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from orchestration.backtest.store import Store
    from usecases.declaration import UseCase
    from usecases.profiling import Select

AHEAD = 27
"""Days counted beyond those asked for: the next ticks will ask for them."""


class Days:
    """Counts of single days against one baseline.

    Args:
        use_case: Whose monitor; only its tables matter here.
        baseline: What the days are counted against.
        last: The last day there is.
        select: Runs a query.
        store: Where counts are kept.
        about: What the counts depend on besides: the raw tables' versions.
    """

    def __init__(
        self,
        use_case: UseCase,
        baseline: Baseline,
        last: date,
        select: Select,
        store: Store,
        about: Mapping[str, str],
    ) -> None:
        self._use_case = use_case
        self._baseline = baseline
        self._last = last
        self._select = select
        self._store = store
        self._about = about
        self._counted: dict[date, list[Profile]] = {}

    @property
    def baseline(self) -> Baseline:
        """Give what the days are counted against."""
        return self._baseline

    def windows(self, wanted: Sequence[Sequence[date]]) -> list[Profile]:
        """Return the counts of each window."""
        missing = sorted({day for window in wanted for day in window} - self._counted.keys())
        if missing:
            self._count(missing)
        return [
            window_of([each for day in window for each in self._counted[day]], window)
            for window in wanted
        ]

    def _count(self, missing: Sequence[date]) -> None:
        last = max(missing[-1], min(missing[-1] + timedelta(days=AHEAD), self._last))
        first = missing[0]
        days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
        new = [day for day in days if day not in self._counted]
        for table in watched(self._use_case):
            for day, profile in self._table(table, new).items():
                self._counted.setdefault(day, []).append(profile)

    def _table(self, table: str, days: Sequence[date]) -> dict[date, Profile]:
        kinds = self._use_case.monitors.drift.tables[table]
        span = [day.isoformat() for day in (days[0], days[-1])]
        name = digest_of(
            {
                **self._about,
                "baseline": self._baseline.digest,
                "table": table,
                "columns": kinds,
                "days": span,
            }
        )

        def make() -> list[dict[str, object]]:
            counted = measure_days(self._use_case, self._baseline, table, days, self._select)
            return [each.model_dump(mode="json") for each in counted.values()]

        found: Iterable[object] = self._store.document(f"days/{name}", make)
        profiles = [Profile.model_validate_json(canonical_json(each)) for each in found]
        return {each.window_from.date(): each for each in profiles}
