"""What fires, and that it does not flap."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.drift_policy import Persistence
from decisions.persistence import Reading, fold

VALUES = st.lists(st.none() | st.floats(0, 2), min_size=1, max_size=40)
PERSISTENCE = st.tuples(st.integers(1, 5), st.integers(0, 3)).map(
    lambda given: Persistence(windows=given[0], of=given[0] + given[1])
)


def firing(values, persistence=None, *, release=0.8, chance=()):
    readings = [Reading(value, at not in chance) for at, value in enumerate(values)]
    steps = fold(readings, persistence or Persistence(), threshold=1.0, release=release)
    return [step.firing for step in steps]


@pytest.mark.parametrize(
    ("values", "persistence", "expected"),
    [
        ([0.5, 1.0, 0.5], (1, 1), [0, 1, 0]),
        ([1.1, 0.9, 0.8, 0.79, 0.9], (1, 1), [1, 1, 1, 0, 0]),
        ([1.1, 0.5, 1.1, 1.1, 0.5], (2, 3), [0, 0, 1, 1, 0]),
        ([1.1, 1.1, 0.9], (3, 3), [0, 0, 0]),
        ([1.1], (3, 5), [1]),
        ([1.1, 0.5], (3, 5), [0, 0]),
        ([1.1, None, 1.1], (2, 2), [0, 0, 1]),
        ([1.1, None, None, 0.9, 0.1], (1, 1), [1, 1, 1, 1, 0]),
    ],
    ids=[
        "at the threshold", "hysteresis", "2 of 3", "never long enough", "the only window",
        "two of the two must", "an untold window changes nothing", "nor does it clear",
    ],
)  # fmt: skip
def test_when_it_fires_and_when_it_clears(values, persistence, expected) -> None:
    asked = Persistence(windows=persistence[0], of=persistence[1])
    assert firing(values, asked) == [bool(each) for each in expected]


def test_what_chance_could_do_does_not_fire_but_does_not_clear_either() -> None:
    assert firing([1.5, 1.5, 1.5], chance={0, 2}) == [False, True, True]


@settings(deadline=None)
@given(VALUES, PERSISTENCE)
def test_it_begins_at_the_threshold_and_ends_below_the_release(values, persistence) -> None:
    found = firing(values, persistence)
    for at, (before, now) in enumerate(zip([False, *found], found, strict=False)):
        value = values[at]
        if now and not before:
            assert value is not None
            assert value >= 1.0
            recent = [each for each in values[: at + 1] if each is not None][-persistence.of :]
            assert sum(each >= 1.0 for each in recent) >= min(persistence.windows, len(values))
        if before and not now:
            assert value is not None
            assert value < 0.8


@settings(deadline=None)
@given(st.lists(st.floats(0.8, 1.5), min_size=1, max_size=60), PERSISTENCE)
def test_what_hovers_about_the_threshold_changes_once_at_most(values, persistence) -> None:
    found = firing(values, persistence)
    assert sum(one != two for one, two in zip([False, *found], found, strict=False)) <= 1


@settings(deadline=None)
@given(VALUES, st.integers(1, 39))
def test_the_future_does_not_change_the_past(values, cut) -> None:
    # With at least as many windows as are needed, a longer history only adds to it.
    persistence = Persistence(windows=2, of=3)
    early = values[: max(cut, 2)]
    if len(values) >= len(early) >= 2:
        assert firing(values, persistence)[: len(early)] == firing(early, persistence)


def test_more_than_all_windows_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="never be reached"):
        Persistence(windows=3, of=2)
