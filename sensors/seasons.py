"""The same season of the year before: which days it has, and their counts as a baseline.

Asked for by `seasonal: year`. The days are counted like any others (day_profiles.py): once, against
the champion's bins, and found again. Whether a window is nearer to them is the judge's to say.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from decisions.references import season_of
from sensors.day_profiles import profiles, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from decisions.baseline import Baseline
    from resources.platform import Platform
    from sensors.day_profiles import Versions
    from usecases.declaration import UseCase

#: 52 weeks: the same weekdays, a day or two off the date.
YEAR = timedelta(days=364)
#: Days to either side: a season is no appointment, and one year's week is no season.
MARGIN = timedelta(days=7)


class Season(NamedTuple):
    """What there is to compare a season with.

    Attributes:
        days: The days of the year before; none where they are not to be had.
        versions: What there is of these days.
        why: What is compared with, or why nothing is; empty where nobody asked.
    """

    days: Sequence[date]
    versions: Versions
    why: str


def season_before(
    use_case: UseCase,
    windows: Sequence[Sequence[date]],
    partitions: Mapping[str, Mapping[str, str]],
) -> Season:
    """Return the year before's days around some windows, as far as every table has them.

    Args:
        use_case: Whose monitor.
        windows: The days of each window, oldest first.
        partitions: Version by day, by watched table.
    """
    if use_case.monitors.drift.seasonal != "year":
        return Season((), {}, "")
    first, last = windows[0][0] - YEAR - MARGIN, windows[-1][-1] - YEAR + MARGIN
    days = [first + timedelta(days=more) for more in range((last - first).days + 1)]
    versions, needed = versions_of(partitions, [days]), len(windows[-1])
    for table, found in versions.items():
        if len(found) < needed:
            why = (
                f"No season of an earlier year to compare with: {table} has {len(found)} of the "
                f"days from {first} to {last}, and {needed} are needed."
            )
            return Season((), {}, why)
    why = f"The same season was looked at too: {first} to {last}."
    return Season(days, versions, why)


def baselines(
    platform: Platform,
    use_case: UseCase,
    baseline: Baseline,
    season: Season,
    present: Mapping[str, Iterable[str]],
    *,
    deadline: timedelta,
) -> tuple[Baseline, ...]:
    """Return the season as a baseline over the champion's bins; none where there is none.

    Raises:
        Transient: A query did not end in time, or AWS could not be asked just now.
        Terminal: AWS refused.
    """
    if not season.days:
        return ()
    (counted,) = profiles(
        platform, use_case, baseline, [season.days], season.versions, present, deadline=deadline
    )
    return (season_of(baseline, counted),)
