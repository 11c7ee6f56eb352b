"""In a world of which everything is known, each policy trains when it says it does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestration.backtest import costs
from orchestration.backtest.replay import replay
from orchestration.backtest.results import result_of
from resources.errors import Terminal
from tests.unit.backtest.toy import FLIGHTS, SPAN, Toy, day, policy

CALM = {"max_age": timedelta(days=999), "cool_down": timedelta(days=5)}


def test_never_keeps_its_first_model() -> None:
    course = replay(policy("never"), FLIGHTS, SPAN, Toy())
    assert course.retrains == ()
    assert course.champion(day(4, 28)) == SPAN.start


def test_weekly_trains_each_week_but_the_first() -> None:
    course = replay(policy("weekly"), FLIGHTS, SPAN, Toy())
    assert [each.at for each in course.retrains] == [
        SPAN.start + timedelta(weeks=week) for week in range(1, 8)
    ]


def test_monthly_trains_on_the_first_and_every_by_its_length() -> None:
    monthly = replay(policy("monthly"), FLIGHTS, SPAN, Toy())
    assert [each.at for each in monthly.retrains] == [day(4, 1)]
    every = replay(policy("every", every=timedelta(days=20)), FLIGHTS, SPAN, Toy())
    assert [each.at for each in every.retrains] == [day(3, 24), day(4, 13)]


def test_a_drift_starts_one_retrain_that_ends_it() -> None:
    world = Toy(changed_at=day(3, 20))
    course = replay(policy("drift"), FLIGHTS, SPAN, world)
    assert [each.at for each in course.retrains] == [day(3, 20)]
    assert course.retrains[0].reasons[0].startswith("drift")
    assert course.champion(day(4, 1)) == day(3, 20)


def test_a_drift_within_the_cool_down_waits_for_its_end() -> None:
    changed = {"retraining": {"cool_down": timedelta(days=5)}}
    world = Toy(changed_at=day(3, 6))
    course = replay(policy("drift", **changed), FLIGHTS, SPAN, world)
    assert [each.at for each in course.retrains] == [day(3, 9)]
    # Where the governor would hold whatever the data says, nothing is counted.
    assert min(world.measured) == day(3, 9)


def test_a_refused_challenger_is_tried_again_with_more_data_and_never_serves() -> None:
    world = Toy(changed_at=day(3, 20), refuses=lambda at: SPAN.start < at < day(3, 25))
    changed = {"retraining": {"minimum_new_data": timedelta(days=3)}}
    course = replay(policy("drift", **changed), FLIGHTS, SPAN, world)
    assert [each.at for each in course.retrains] == [day(3, 20), day(3, 23), day(3, 26)]
    assert [each.outcome.status for each in course.retrains] == ["refused", "refused", "succeeded"]
    assert course.champion(day(3, 26)) == SPAN.start
    assert course.champion(day(3, 27)) == day(3, 26)
    # Each is judged against the champion of its own time.
    assert {champion for _, champion in world.asked[1:]} == {SPAN.start}


def test_a_failed_training_is_tried_again_after_its_back_off() -> None:
    world = Toy(changed_at=day(3, 20), fails=lambda at: at == day(3, 20))
    course = replay(policy("drift"), FLIGHTS, SPAN, world)
    assert [each.at for each in course.retrains] == [day(3, 20), day(3, 21)]


def test_only_the_governor_minds_the_champions_age() -> None:
    changed = {"retraining": {"max_age": timedelta(days=14), "cool_down": timedelta(0)}}
    aged = replay(policy("governor", **changed), FLIGHTS, SPAN, Toy())
    assert [each.at for each in aged.retrains] == [day(3, 19), day(4, 3), day(4, 18)]
    assert aged.retrains[0].reasons[0].startswith("staleness")
    assert replay(policy("drift", **changed), FLIGHTS, SPAN, Toy()).retrains == ()


def test_while_a_run_is_in_flight_nothing_else_starts() -> None:
    slow = FLIGHTS.model_copy(
        update={"compute": FLIGHTS.compute.model_copy(update={"max_runtime": timedelta(days=3)})}
    )
    course = replay(policy("drift"), slow, SPAN, Toy(changed_at=day(3, 20)))
    assert [each.at for each in course.retrains] == [day(3, 20)]
    assert course.champion(day(3, 22)) == SPAN.start


def test_without_a_first_model_there_is_nothing_to_compare() -> None:
    with pytest.raises(Terminal, match="no first model at 2013-03-04: its training refused: worse"):
        replay(policy("never"), FLIGHTS, SPAN, Toy(refuses=lambda _: True))


def test_events_are_scored_by_the_model_of_their_time() -> None:
    world = Toy(changed_at=day(3, 18))
    cost = costs.of_retrain(FLIGHTS)
    never = result_of(replay(policy("never"), FLIGHTS, SPAN, world), SPAN, world.score, cost)
    drift = result_of(replay(policy("drift"), FLIGHTS, SPAN, world), SPAN, world.score, cost)
    # The two weeks before the change are perfect, the six after it wholly wrong.
    assert never.weekly == (1.0, 1.0) + (0.0,) * 6
    assert never.mean == pytest.approx(0.25)
    # The renewed model takes over an hour after the change; that hour is the old one's.
    assert drift.weekly[:2] == (1.0, 1.0)
    assert drift.weekly[3:] == (1.0,) * 5
    assert (len(drift.retrains), drift.accepted) == (1, 1)
    assert drift.usd == pytest.approx(cost.usd or 0, abs=0.01)
    assert never.usd == 0.0
