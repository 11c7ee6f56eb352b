"""The counts of single days, each counted once and kept: a window is the merge of its days.

A day's profile is named by what it was counted from: the baseline, the table, the day, the version
of its partition in the catalogue and the columns. A restated partition has another version and so
another name, and is the only one that is counted again. What follows from the counts does not
belong here.
"""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from decisions.baseline import Profile
from decisions.model import digest_of
from resources.errors import Missing
from usecases.profiling import bins_of, measure_days, watched, window_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from decisions.baseline import Baseline
    from resources.objects import Objects
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.profile_sql import Watched

Versions = dict[str, dict[str, str]]
"""By table, the version of each day's partition."""


def windows_ending(use_case: UseCase, last: date) -> list[list[date]]:
    """Return the days of each window that is judged, oldest window first; the newest ends last."""
    monitor = use_case.monitors.drift
    days, stride = max(monitor.window.days, 1), max(monitor.stride.days, 1)
    return [
        [last - timedelta(days=back * stride + offset) for offset in reversed(range(days))]
        for back in reversed(range(monitor.windows))
    ]


def versions_of(
    partitions: Mapping[str, Mapping[str, str]], windows: Iterable[Iterable[date]]
) -> Versions:
    """Return what there is of the windows' days, by table."""
    wanted = sorted({day.isoformat() for window in windows for day in window})
    return {
        table: {day: found[day] for day in wanted if day in found}
        for table, found in partitions.items()
    }


def profiles(
    platform: Platform,
    use_case: UseCase,
    baseline: Baseline,
    windows: Sequence[Sequence[date]],
    versions: Versions,
    present: Mapping[str, Iterable[str]],
    *,
    deadline: timedelta,
) -> list[Profile]:
    """Return each window's profile; days that nobody has counted yet are counted by Athena.

    Args:
        platform: The doors.
        use_case: Whose monitor.
        baseline: What the days are counted against.
        windows: The days of each window.
        versions: What there is of these days.
        present: Columns by table, as Glue has them; one that is gone is left out, and the judge
            then says so, instead of a query that fails.
        deadline: How long queries are awaited; after that they go on without us.

    Raises:
        Transient: A query did not end in time, or AWS could not be asked just now.
        Terminal: AWS refused.
    """
    counted: dict[date, list[Profile]] = {}
    nothing, until = [], time.monotonic() + deadline.total_seconds()
    for table, days in versions.items():
        there = set(present[table])
        columns = [each for each in watched(use_case)[table] if each.name in there]
        if not columns:
            continue
        keeper = _Keeper(platform, use_case, baseline, table, columns)
        left = timedelta(seconds=max(until - time.monotonic(), 1.0))
        for day, profile in keeper.profiles(days, left).items():
            counted.setdefault(day, []).append(profile)
        nothing.append(keeper.empty)
    found = []
    for window in windows:
        some = [each for day in window for each in counted.get(day, ())]
        found.append(window_of([*some, *(empty(window) for empty in nothing)], window))
    return found


class _Keeper:
    """The stored days of one table."""

    def __init__(
        self,
        platform: Platform,
        use_case: UseCase,
        baseline: Baseline,
        table: str,
        columns: Sequence[Watched],
    ) -> None:
        self._platform = platform
        self._use_case = use_case
        self._baseline = baseline
        self._table = table
        self._columns = columns
        self._of = {
            "baseline": baseline.digest,
            "table": f"{use_case.sources.database}.{table}",
            "columns": [[each.name, each.kind, each.type] for each in columns],
        }

    def profiles(self, versions: Mapping[str, str], deadline: timedelta) -> dict[date, Profile]:
        """Return the profile of each day there is."""
        keys = {date.fromisoformat(day): self._key(day, made) for day, made in versions.items()}
        found = {day: _stored(self._platform.artifacts, key) for day, key in keys.items()}
        known = {day: profile for day, profile in found.items() if profile is not None}
        missing = sorted(found.keys() - known.keys())
        return known | (self._count(missing, keys, deadline) if missing else {})

    def empty(self, window: Sequence[date]) -> Profile:
        """Return the counts of a window without rows."""
        bins = bins_of(self._baseline, self._table, self._columns)
        features = {f"{self._table}.{name}": each.emptied() for name, each in bins.items()}
        return window_of([], window).model_copy(update={"features": features})

    def _key(self, day: str, version: str) -> str:
        digest = digest_of({**self._of, "day": day, "version": version})
        return f"profiles/{self._use_case.name}/{self._table}/{day}/{digest}.json"

    def _count(
        self, days: Sequence[date], keys: Mapping[date, str], deadline: timedelta
    ) -> dict[date, Profile]:
        intent = digest_of({"profiles": [keys[day] for day in days]})

        def select(sql: str) -> list[dict[str, Any]]:
            return self._platform.athena.select(
                sql,
                database=self._use_case.sources.database,
                intent=digest_of({"for": intent, "sql": sql}),
                deadline=deadline,
                stop=False,
            )

        found = measure_days(
            self._use_case, self._baseline, self._table, days, select, columns=self._columns
        )
        for day, profile in found.items():
            # Equal names are equal counts, so replacing does no harm, and mends a broken object.
            self._platform.artifacts.put(keys[day], profile.model_dump_json().encode())
        return found


def _stored(artifacts: Objects, key: str) -> Profile | None:
    """Return a stored profile; None if it is not there or cannot be read, which counts it again."""
    try:
        return Profile.model_validate_json(artifacts.get(key))
    except (Missing, ValueError):
        return None
