"""The governor: one run per attempt, none in flight twice, and no reason forgotten."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import freshness
from decisions.blackout import Weekly
from decisions.reports import DriftReport, MonitorName, MonitorReport
from decisions.retraining import (
    Budget,
    Hold,
    Retrain,
    RetrainFacts,
    RetrainPolicy,
    RunFact,
    Scheduled,
    decide,
)

NOW = datetime.fromisoformat("2026-01-05T12:00:00")
LANDED = datetime.fromisoformat("2013-03-15")
DAY = timedelta(days=1)
POLICY = RetrainPolicy(
    minimum_new_data=3 * DAY,
    cool_down=5 * DAY,
    back_off=timedelta(minutes=10),
    maximum_back_off=timedelta(hours=2),
)
DRIFTED = DriftReport(features=(), verdict="drifted", why="2 of 6 columns drifted (PSI temp 1.20).")
STABLE = DriftReport(features=(), verdict="stable", why="0 of 6 columns drifted.")


def facts(**changes: Any) -> RetrainFacts:
    given = {
        "use_case": "flight_delay",
        "champion_version": 1,
        "trained_through": LANDED - 14 * DAY,
        "landed_through": LANDED,
        "drift": STABLE,
    }
    return RetrainFacts(**{**given, **changes})


def run(status: str, attempt: int = 1, **changes: Any) -> RunFact:
    given = {
        "run_id": f"run-{attempt}",
        "status": status,
        "episode": "after-v1",
        "attempt": attempt,
        "started_at": NOW - timedelta(hours=1),
        "finished_at": None if status == "running" else NOW - timedelta(minutes=1),
    }
    return RunFact(**{**given, **changes})


def held(given: RetrainFacts, now: datetime = NOW) -> Hold:
    verdict = decide(given, POLICY, now)
    assert isinstance(verdict, Hold), verdict
    return verdict


def trained(given: RetrainFacts, now: datetime = NOW) -> Retrain:
    verdict = decide(given, POLICY, now)
    assert isinstance(verdict, Retrain), verdict
    return verdict


def test_the_first_model_is_trained_as_soon_as_data_has_landed() -> None:
    first = facts(champion_version=None, trained_through=None, drift=None)
    verdict = trained(first)
    assert verdict.reasons == ("no model yet",)
    assert verdict.run_key == "flight_delay/after-v0/attempt-1"
    assert "No data" in held(first.model_copy(update={"landed_through": None})).why


def test_without_a_reason_nothing_is_trained() -> None:
    assert "no reason" in held(facts()).why
    untold = DriftReport(features=(), verdict="cannot_tell", why="The new window has 0 rows.")
    assert "0 rows" in held(facts(drift=untold)).why


def test_every_reason_that_holds_is_told() -> None:
    stale = freshness.judge(LANDED, LANDED - 30 * DAY, 21 * DAY)
    verdict = trained(
        facts(drift=DRIFTED, staleness=stale, changed="code a1 to b2", requested="by hand")
    )
    told = " ".join(verdict.reasons)
    assert all(word in told for word in ("on request", "change:", "drift:", "staleness:"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runs": (run("running"),)}, "run-1 is in flight"),
        ({"pending_version": 2}, "Version 2 awaits"),
        ({"runs": (run("refused", tried_through=LANDED - DAY),)}, "waiting for data"),
        ({"runs": (run("succeeded", tried_through=LANDED - DAY),)}, "waiting for data"),
        (
            {"runs": (run("refused", episode="", attempt=0, tried_through=LANDED),)},
            "waiting for data",
        ),
        ({"trained_through": LANDED - 4 * DAY}, "cooling"),
    ],
)
def test_a_drift_waits_for_what_stands_in_its_way(changes: dict[str, Any], said: str) -> None:
    assert said in held(facts(drift=DRIFTED, **changes)).why


def test_failures_back_off_longer_each_time_up_to_a_limit() -> None:
    waits = []
    for failures in range(1, 7):
        runs = tuple(run("failed", attempt) for attempt in range(1, failures + 1))
        until = held(facts(drift=DRIFTED, runs=runs)).until
        assert until is not None
        waits.append(until - (NOW - timedelta(minutes=1)))
        assert trained(facts(drift=DRIFTED, runs=runs), until).attempt == failures + 1
    assert waits[:3] == [timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=40)]
    assert waits[-1] == timedelta(hours=2)


def test_a_person_waits_for_neither_back_off_nor_data_but_for_a_run() -> None:
    runs = (run("failed"), run("refused", 2, tried_through=LANDED))
    assert trained(facts(requested="by hand", runs=runs)).attempt == 3
    assert "in flight" in held(facts(requested="by hand", runs=(run("running"),))).why


def test_a_refused_challenger_is_followed_once_enough_data_has_landed() -> None:
    refused = (run("refused", tried_through=LANDED - 3 * DAY),)
    assert trained(facts(drift=DRIFTED, runs=refused)).run_key.endswith("after-v1/attempt-2")


def test_a_new_champion_starts_a_new_episode() -> None:
    past = (run("failed"), run("refused", 2, tried_through=LANDED))
    verdict = trained(facts(drift=DRIFTED, champion_version=2, runs=past))
    assert verdict.run_key == "flight_delay/after-v2/attempt-1"


def test_a_history_cut_short_does_not_give_a_used_key_again() -> None:
    old = NOW - timedelta(days=2)
    runs = (run("failed", 7, started_at=old, finished_at=old),)
    assert trained(facts(drift=DRIFTED, runs=runs)).attempt == 8


@st.composite
def situations(draw: st.DrawFn) -> RetrainFacts:
    version = draw(st.one_of(st.none(), st.integers(1, 4)))
    runs = draw(
        st.lists(
            st.builds(
                run,
                st.sampled_from(["running", "failed", "refused", "succeeded"]),
                st.integers(1, 6),
                episode=st.sampled_from(["", "after-v0", "after-v1", "after-v2"]),
                tried_through=st.sampled_from([None, LANDED, LANDED - 9 * DAY]),
            ),
            max_size=6,
        )
    )
    return facts(
        champion_version=version,
        trained_through=None if version is None else LANDED - draw(st.integers(0, 40)) * DAY,
        drift=draw(st.sampled_from([DRIFTED, STABLE, None])),
        runs=tuple(runs),
        pending_version=draw(st.one_of(st.none(), st.just(9))),
        requested=draw(st.one_of(st.none(), st.just("by hand"))),
    )


@given(situations(), st.integers(0, 10_000))
def test_the_same_facts_give_the_same_key_and_never_a_second_run(
    given: RetrainFacts, minutes: int
) -> None:
    early, late = (
        decide(given, POLICY, moment) for moment in (NOW, NOW + timedelta(minutes=minutes))
    )
    for verdict in (early, late):
        if isinstance(verdict, Hold):
            continue
        assert all(one.status != "running" for one in given.runs)
        assert given.pending_version is None
        assert verdict.run_key == f"flight_delay/{verdict.episode}/attempt-{verdict.attempt}"
        used = {one.attempt for one in given.runs if one.episode == verdict.episode}
        assert verdict.attempt not in used
    if isinstance(early, Retrain):
        assert early == late


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["failed", "refused", "lost tick"]), max_size=8))
def test_a_persisting_drift_is_never_forgotten(outcomes: list[str]) -> None:
    """Whatever happens to its runs, waiting long enough and landing data trains again."""
    now, landed, runs, keys = NOW, LANDED, [], set()
    for outcome in outcomes:
        now, landed = now + DAY, landed + 3 * DAY
        verdict = trained(facts(drift=DRIFTED, landed_through=landed, runs=tuple(runs)), now)
        if outcome == "lost tick":
            continue
        assert verdict.run_key not in keys
        keys.add(verdict.run_key)
        ended = {"started_at": now, "finished_at": now, "tried_through": landed}
        runs.append(run(outcome, verdict.attempt, **ended))
    final = facts(drift=DRIFTED, landed_through=landed + 3 * DAY, runs=tuple(runs))
    assert trained(final, now + DAY).run_key not in keys


def test_age_is_judged_in_data_time_and_is_never_negative() -> None:
    assert freshness.judge(LANDED, LANDED - 21 * DAY, 21 * DAY).verdict == "fresh"
    late = freshness.judge(LANDED, LANDED - 22 * DAY, 21 * DAY)
    assert isinstance(late, freshness.Stale)
    assert late.by == DAY
    ahead = freshness.judge(LANDED, LANDED + DAY, 21 * DAY)
    assert isinstance(ahead, freshness.Fresh)
    assert ahead.age == timedelta(0)


def test_a_late_source_holds_a_renewal_but_neither_a_wish_nor_the_first_model() -> None:
    late = {"drift": DRIFTED, "late": "weather: Landed through 2013-02-26 12:00, 3 d behind."}
    assert held(facts(**late)).why == f"A source is late: {late['late']}"
    assert trained(facts(**late, requested="by hand")).attempt == 1
    first = facts(champion_version=None, trained_through=None, late=late["late"], drift=None)
    assert trained(first).reasons == ("no model yet",)
    assert trained(facts(drift=DRIFTED)).attempt == 1


def test_a_source_without_its_columns_holds_whoever_asked() -> None:
    why = "planes: column seats is missing (expected type bigint)"
    for changes in ({}, {"requested": "by hand"}, {"champion_version": None, "drift": None}):
        given = facts(drift=DRIFTED, schema_drift=why).model_copy(update=changes)
        assert held(given).why == f"A source is not as declared: {why}"
    assert "no reason" in held(facts(schema_drift=why)).why


def monitor(name: str, verdict: str = "drifted", **changes: Any) -> MonitorReport:
    return MonitorReport(monitor=name, verdict=verdict, why=f"{name} says so.", **changes)


UNTOLD = DriftReport(features=(), verdict="cannot_tell", why="The new window has 0 rows.")


def test_other_monitors_are_reasons_where_they_may_be() -> None:
    given = facts(monitors=(monitor("model_quality"), monitor("bias_drift", retrains=False)))
    assert trained(given).reasons == ("model_quality: model_quality says so.",)
    # A Model Monitor's schedule speaks of data drift, too: either of them is enough.
    theirs = facts(drift=STABLE, monitors=(monitor("data_drift"),))
    assert trained(theirs).reasons == ("drift: data_drift says so.",)


@pytest.mark.parametrize("doubted", ["data_quality", "drift"])
def test_what_cannot_be_told_holds_what_was_measured_and_nothing_else(doubted: str) -> None:
    if doubted == "drift":
        doubt = {"drift": UNTOLD, "monitors": (monitor("prediction_drift"),)}
    else:
        doubt = {"drift": DRIFTED, "monitors": (monitor(doubted, "cannot_tell"),)}
    verdict = held(facts(**doubt))
    assert verdict.rule == "cannot_tell"
    assert verdict.alerts
    assert "so this is not believed" in verdict.why
    stale = freshness.judge(LANDED, LANDED - 30 * DAY, 21 * DAY)
    for firm in ({"staleness": stale}, {"changed": "code"}, {"requested": "by hand"}):
        renewed = trained(facts(**doubt, **firm))
        assert len(renewed.reasons) == 1
        assert renewed.alerts == verdict.alerts


@pytest.mark.parametrize("silent", ["attribution_drift", "model_quality"])
def test_a_monitor_that_others_do_not_rest_on_is_told_only(silent: MonitorName) -> None:
    given = facts(drift=DRIFTED, monitors=(monitor(silent, "cannot_tell"),))
    assert trained(given).alerts == (f"{silent}: {silent} says so.",)


def test_labels_that_never_come_start_nothing_and_alert() -> None:
    verdict = held(facts(monitors=(monitor("model_quality", "cannot_tell"),)))
    assert verdict.rule == "cannot_tell"
    assert verdict.alerts == ("model_quality: model_quality says so.",)


def schedule(clock: str, due: datetime) -> Scheduled:
    return Scheduled(due=due, upcoming=due + 7 * DAY, clock=clock)


def test_a_schedule_is_due_until_a_run_has_served_it() -> None:
    data = schedule("data", LANDED - DAY)
    assert "schedule: due since 2013-03-14" in trained(facts(scheduled=data)).reasons[0]
    seen = facts(scheduled=data, trained_through=LANDED, landed_through=LANDED + 9 * DAY)
    assert held(seen).rule == "no_reason"
    wall = schedule("wall", NOW - timedelta(hours=2))
    assert "UTC" in trained(facts(scheduled=wall)).reasons[0]
    failed = facts(scheduled=wall, runs=(run("failed"),))
    assert held(failed).rule == "back_off"
    late = {"tried_through": LANDED - 9 * DAY}
    assert held(facts(scheduled=wall, runs=(run("refused", **late),))).rule == "no_reason"
    assert held(facts(scheduled=wall, registered_at=NOW)).rule == "no_reason"


def test_a_wish_is_served_by_a_run_that_began_after_it_and_was_judged() -> None:
    asked = {"requested": "by ada", "requested_at": NOW - timedelta(minutes=90)}
    assert trained(facts(**asked)).kinds == ("request",)
    assert held(facts(**asked, runs=(run("refused", tried_through=LANDED),))).rule == "no_reason"
    assert held(facts(**asked, runs=(run("failed"),))).rule == "back_off"
    later = asked | {"requested_at": NOW - timedelta(minutes=30)}
    assert trained(facts(**later, runs=(run("failed"),))).attempt == 2
    assert trained(facts(**later, runs=(run("succeeded", tried_through=LANDED),))).attempt == 2


def test_neither_a_wish_nor_the_first_model_passes_blackout_or_budget() -> None:
    closed = POLICY.model_copy(update={"blackout": (Weekly(days=("mon",), end=time(18)),)})
    poor = POLICY.model_copy(update={"budget": Budget(monthly_usd=1.0)})
    first = facts(champion_version=None, trained_through=None, drift=None, ceiling_usd=2.0)
    for asked in (facts(requested="by hand", ceiling_usd=2.0), first):
        dark = decide(asked, closed, NOW)
        assert isinstance(dark, Hold)
        assert (dark.rule, dark.until) == ("blackout", NOW.replace(hour=18))
        broke = decide(asked, poor, NOW)
        assert isinstance(broke, Hold)
        assert broke.rule == "budget"


def test_every_obstacle_is_told_and_the_last_to_end_says_until_when() -> None:
    policy = POLICY.model_copy(update={"blackout": (Weekly(days=("mon",), end=time(18)),)})
    given = facts(drift=DRIFTED, runs=(run("failed"),))
    verdict = decide(given, policy, NOW)
    assert isinstance(verdict, Hold)
    assert [each.rule for each in verdict.obstacles] == ["blackout", "back_off"]
    assert verdict.until == NOW.replace(hour=18)
    assert verdict.reasons == (f"drift: {DRIFTED.why}",)
    late = decide(given.model_copy(update={"late": "weather"}), policy, NOW)
    assert isinstance(late, Hold)
    assert late.until is None


def test_reasons_settle_so_that_one_run_serves_all() -> None:
    policy = POLICY.model_copy(update={"settle": timedelta(minutes=30)})
    new = decide(facts(drift=DRIFTED), policy, NOW)
    assert isinstance(new, Hold)
    assert (new.rule, new.until) == ("settle", NOW + timedelta(minutes=30))
    for minutes, expected in ((29, Hold), (30, Retrain)):
        since = {"reasons_since": NOW - timedelta(minutes=minutes)}
        assert isinstance(decide(facts(drift=DRIFTED, **since), policy, NOW), expected)
    assert isinstance(decide(facts(requested="by hand"), policy, NOW), Retrain)


def test_a_cool_down_holds_age_and_schedule_but_neither_change_nor_wish() -> None:
    fresh = {"trained_through": LANDED - DAY}
    due = schedule("data", LANDED)
    assert held(facts(**fresh, scheduled=due)).rule == "cool_down"
    assert trained(facts(**fresh, scheduled=due, changed="code")).attempt == 1
    assert trained(facts(**fresh, requested="by hand")).attempt == 1
