"""The governor in a simulated world: ten thousand ticks, and planted bugs that must be seen."""

from __future__ import annotations

import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from decisions import queue
from decisions.retraining import Budget, Hold, decide
from tests.unit.decisions.governor_world import COST, HOUR, PLACES, TICK, World, step

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from decisions.retraining import Retrain, RetrainFacts, RetrainPolicy

TICKS = 10_000
NAMES = st.sampled_from(sorted(PLACES))


def simulate(world: World, seed: int, ticks: int) -> None:
    """Let things happen; every so often clear the obstacles and see that a reason is served."""
    random = Random(seed)  # noqa: S311 - a simulation
    while world.ticks < ticks:
        for _ in range(random.randint(50, 400)):
            step(world, random)
        name = random.choice(sorted(PLACES))
        world.models[name].drift = "drifted"
        world.calm(name)
        world.must_serve(name)


def test_ten_thousand_ticks(capsys: pytest.CaptureFixture[str]) -> None:
    world, began = World(), time.perf_counter()
    simulate(world, 7, TICKS)
    took = time.perf_counter() - began
    with capsys.disabled():
        sys.stderr.write(
            f"\n{world.ticks} ticks of 4 models, {world.started} runs started: {took:.1f} s\n"
        )
    assert world.started > 200
    # Every kind of end was met, or the simulation has not tried what it is for.
    ends = {each.status for each in world.runs if each.ended}
    assert ends == {"failed", "refused", "succeeded"}


# --- the simulation can fail: each of these is a governor with one mistake --------------------


def blind_to_runs(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Any:
    """Peers': whether one is under way is not asked."""
    runs = tuple(each for each in facts.runs if each.status != "running")
    return decide(facts.model_copy(update={"runs": runs}), policy, now)


def numbers_anew(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Any:
    """Attempts are counted among the last two runs only: a used key comes again."""
    return decide(facts.model_copy(update={"runs": facts.runs[-2:]}), policy, now)


def edge_triggered(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Any:
    """An alarm is muted once a run was started for it, and lost if that failed."""
    if any(each.episode == facts.episode and each.status == "failed" for each in facts.runs):
        facts = facts.model_copy(update={"drift": None})
    return decide(facts, policy, now)


def changing(**update: Any) -> Callable[..., Any]:
    """A governor whose policy lacks something."""

    def mutant(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Any:
        return decide(facts, policy.model_copy(update=update), now)

    return mutant


def ignoring(**update: Any) -> Callable[..., Any]:
    """A governor that does not see some facts."""

    def mutant(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Any:
        return decide(facts.model_copy(update=update), policy, now)

    return mutant


def silent_pass(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Any:
    """What cannot be told counts as fine, and the other measure fires alone."""
    told = facts.drift if facts.drift and facts.drift.verdict != "cannot_tell" else None
    monitors = tuple(each for each in facts.monitors if each.verdict != "cannot_tell")
    return decide(facts.model_copy(update={"drift": told, "monitors": monitors}), policy, now)


def sees_only_recent_cost(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Any:
    """Runs that failed are taken for free."""
    runs = tuple(
        each.model_copy(update={"cost_usd": 0.0}) if each.status == "failed" else each
        for each in facts.runs
    )
    return decide(facts.model_copy(update={"runs": runs}), policy, now)


def never_again(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Retrain | Hold:
    """Three failures, and it gives up for good."""
    failed = [e for e in facts.runs if e.episode == facts.episode and e.status == "failed"]
    if len(failed) >= 3:
        return Hold(until=None, why="gave up", kinds=("data_drift",))
    return decide(facts, policy, now)


def without_quota(waiting: Any, running: Any, quota: Any) -> Any:
    return queue.place(waiting, running, queue.Quota(runs=1000))


def by_name(waiting: Any, running: Any, quota: Any) -> Any:
    """Only the first by name ever has a turn, whether or not it fits."""
    first = sorted(waiting, key=lambda each: each.use_case)[:1]
    return queue.place([each for each in first if each.use_case != "d"], running, quota)


MUTANTS: dict[str, dict[str, Any]] = {
    "a run in flight is not seen": {"decide": blind_to_runs},
    "attempts are numbered anew": {"decide": numbers_anew},
    "edge-triggered": {"decide": edge_triggered},
    "gives up after three failures": {"decide": never_again},
    "no back-off": {"decide": changing(back_off=0 * TICK)},
    "the same rows again": {"decide": changing(minimum_new_data=0 * TICK)},
    "blackout ignored": {"decide": changing(blackout=())},
    "budget ignored": {"decide": changing(budget=Budget())},
    "failed runs are free": {"decide": sees_only_recent_cost},
    "a version that awaits a person is not seen": {"decide": ignoring(pending_version=None)},
    "cannot tell is a silent pass": {"decide": silent_pass},
    "drift is not seen": {"decide": ignoring(drift=None)},
    "no quota": {"place": without_quota},
    "a model starves": {"place": by_name},
}


@pytest.mark.parametrize("planted", sorted(MUTANTS))
def test_the_simulation_sees_a_planted_bug(planted: str) -> None:
    # In one of two worlds: no single one shows every mistake.
    assert any(breaks(planted, seed) for seed in (11, 12))


def breaks(planted: str, seed: int) -> bool:
    try:
        simulate(World(**MUTANTS[planted]), seed, TICKS)
    except AssertionError:
        return True
    return False


class Governor(RuleBasedStateMachine):
    """The same world, driven by hypothesis, which looks for the shortest way to break it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(minutes=st.sampled_from([1, 10, 60, 420, 2880]))
    def wait(self, minutes: int) -> None:
        self.world.wait(minutes * HOUR / 60)

    @rule(days=st.sampled_from([0.04, 1.0, 3.0, 22.0]))
    def land(self, days: float) -> None:
        self.world.land(days)

    @rule(name=NAMES, verdict=st.sampled_from(["stable", "drifted", "cannot_tell"]))
    def drift(self, name: str, verdict: str) -> None:
        self.world.models[name].drift = verdict

    @rule(name=NAMES, verdict=st.sampled_from(["stable", "drifted", "cannot_tell"]))
    def quality(self, name: str, verdict: str) -> None:
        self.world.models[name].quality = verdict

    @rule(name=NAMES, wished=st.booleans())
    def wish(self, name: str, wished: bool) -> None:  # noqa: FBT001 - hypothesis names it
        self.world.models[name].wish = self.world.now if wished else None

    @rule(name=NAMES)
    def change(self, name: str) -> None:
        self.world.models[name].changed = True

    @rule(name=NAMES)
    def schedule(self, name: str) -> None:
        self.world.models[name].scheduled ^= True

    @rule(name=NAMES)
    def await_a_person(self, name: str) -> None:
        model = self.world.models[name]
        model.pending = None if model.pending else model.version + 1

    @rule()
    def late(self) -> None:
        self.world.late ^= True

    @rule(
        name=NAMES,
        outcome=st.sampled_from(["failed", "refused", "succeeded"]),
        cost=st.sampled_from([0.4, COST, 1.4, None]),
    )
    def finish(self, name: str, outcome: str, cost: float | None) -> None:
        self.world.finish(name, outcome, cost)

    @rule(name=NAMES)
    def by_hand(self, name: str) -> None:
        self.world.by_hand(name)

    @rule(lost=st.booleans(), forget=st.booleans(), twice=st.booleans())
    def tick(self, lost: bool, forget: bool, twice: bool) -> None:  # noqa: FBT001
        self.world.tick(keep=not lost, forget=forget)
        if twice and not lost:
            self.world.submit()

    @rule(name=NAMES)
    def calm(self, name: str) -> None:
        self.world.models[name].drift = "drifted"
        self.world.calm(name)
        self.world.must_serve(name)

    @invariant()
    def one_at_a_time(self) -> None:
        for name in PLACES:
            assert sum(not each.ended for each in self.world.books[name]) <= 1


Governor.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestGovernor = Governor.TestCase
