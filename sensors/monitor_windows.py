"""Which windows the sampled monitors look at, and where what was measured of each is kept.

Windows end at fixed distances of data time, whenever a tick comes: a lost tick loses none. Drawing
samples and running the step is monitor_job.py's work.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from decisions.model import digest_of
from decisions.monitors.measured import Measurements
from resources.errors import Terminal
from usecases.monitor_sql import Span

if TYPE_CHECKING:
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from sensors.governing import Situation
    from usecases.declaration import UseCase

_EPOCH = datetime(2001, 1, 1)  # noqa: DTZ001 - data time is naive UTC; a Monday


@dataclass(frozen=True, slots=True)
class Window:
    """One window of new data, to be held against one champion.

    Attributes:
        span: Its event times: from the start until the labels' delay before as_of.
        end: Event time before which it ends.
        key: Of the measurements in the artifact bucket.
        name: Of the comparison: a digest.
    """

    champion: PackageFacts
    span: Span
    end: datetime
    key: str
    name: str


def windows_of(use_case: UseCase, situation: Situation) -> tuple[Window, ...]:
    """Return the newest windows since the champion was trained, oldest first; at most ten."""
    sample, champion = use_case.monitors.sample, situation.champion
    landed, trained = situation.landed_through, situation.trained_through
    if not sample.enabled or champion is None or landed is None or trained is None:
        return ()
    newest = _EPOCH + (landed - _EPOCH) // sample.every * sample.every
    needed = max((each.persistence for each in use_case.monitors.sampled.values()), default=1)
    ends = (newest - back * sample.every for back in reversed(range(needed)))
    return tuple(_window(use_case, champion, trained, end) for end in ends if end > trained)


def read(platform: Platform, window: Window) -> Measurements | None:
    """Return what was measured of a window, or None where nothing was yet.

    Raises:
        Terminal: What is stored is no measurement of this version.
    """
    if not platform.artifacts.exists(window.key):
        return None
    return _parsed(platform, window.key)


def history(platform: Platform, use_case: UseCase, most: int) -> list[Measurements]:
    """Return the newest measured windows of a use case, of whichever champion, oldest first.

    Those that cannot be read are left out: this is for show.
    """
    keys = [each.key for each in platform.artifacts.list(_prefix(use_case))]
    found = []
    for key in sorted(keys)[-most:]:
        with contextlib.suppress(Terminal):
            found.append(_parsed(platform, key))
    return found


def _parsed(platform: Platform, key: str) -> Measurements:
    try:
        return Measurements.model_validate_json(platform.artifacts.get(key))
    except ValidationError as error:
        raise Terminal(
            f"{platform.artifacts.uri(key)} holds no measurements: {error.errors()[0]['msg']}. "
            "Delete it; it is then measured again."
        ) from error


def _prefix(use_case: UseCase) -> str:
    return f"monitoring/{use_case.name}/measured/"


def _window(
    use_case: UseCase, champion: PackageFacts, trained: datetime, as_of: datetime
) -> Window:
    sample = use_case.monitors.sample
    # Rows younger than the labels' delay were not learnt from, so they belong to what is new. What
    # was served is not waited for.
    landed = sample.source == "landed"
    delay = use_case.training_set.label.delay if landed else timedelta(0)
    start = max(as_of - sample.window, trained) - delay
    measured = sample.model_dump(mode="json", exclude={"enabled", "every"})
    name = digest_of(
        {
            "champion": champion.arn,
            "training_set": champion.metadata.get("training_set_sha256", ""),
            "as_of": as_of.isoformat(),
            "measured": measured,
            "sources": digest_of([use_case.queries[name] for name in sorted(use_case.queries)]),
        }
    )
    key = f"{_prefix(use_case)}{as_of:%Y%m%dT%H%M}-{name[:24]}/measurements.json"
    return Window(champion, Span(start, as_of), as_of - delay, key, name)
