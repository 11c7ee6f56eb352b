"""A simulated world for the governor: landings, drifts, people, failing runs, a dying daemon.

The world keeps its own books and judges every start by them, with rules written anew: nothing here
calls what it tests, but `decide` and `place` themselves, which a test may replace by wrong ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from decisions import freshness, triggers
from decisions.blackout import Dates, Weekly
from decisions.queue import Quota, Waiting, place
from decisions.reports import DriftReport, MonitorReport
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

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Decide = Callable[[RetrainFacts, RetrainPolicy, datetime], Retrain | Hold]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 5, 8)  # noqa: DTZ001 - a Monday
DATA = datetime(2013, 3, 1)  # noqa: DTZ001
TICK = 10 * MINUTE
MONTHLY, PER_RUN, COST = 4.0, 1.5, 1.0
POLICY = RetrainPolicy(
    minimum_new_data=1 * DAY,
    cool_down=2 * DAY,
    back_off=20 * MINUTE,
    maximum_back_off=6 * HOUR,
    settle=15 * MINUTE,
    blackout=(
        Weekly(days=("sat", "sun"), start=datetime.min.time(), end=datetime.min.time()),
        Weekly(start=(START + 12 * HOUR).time(), end=(START + 14 * HOUR).time(), reason="nightly"),
        Dates(first=(START + 20 * DAY).date(), last=(START + 21 * DAY).date()),
    ),
    budget=Budget(monthly_usd=MONTHLY, per_run_usd=PER_RUN),
)
QUOTA = Quota(runs=2, instances={"ml.big": 1})
PLACES = {"a": {"ml.small": 1}, "b": {"ml.big": 1}, "c": {"ml.big": 1}, "d": {}}


@dataclass
class Run:
    """A run as Dagster has it. Queued ones wait until none of their model is under way."""

    key: str
    model: str
    episode: str
    attempt: int
    created: datetime
    status: str = "queued"
    finished: datetime | None = None
    tried: datetime | None = None
    cost: float | None = None
    kept: RunFact | None = None

    @property
    def ended(self) -> bool:
        return self.status in ("failed", "refused", "succeeded")

    @property
    def fact(self) -> RunFact:
        if self.kept is None or not self.ended:
            self.kept = self._fact()
        return self.kept

    def _fact(self) -> RunFact:
        return RunFact(
            run_id=self.key,
            status=self.status if self.ended else "running",
            episode=self.episode,
            attempt=self.attempt,
            started_at=self.created,
            finished_at=self.finished,
            tried_through=self.tried,
            cost_usd=self.cost,
        )


@dataclass
class Model:
    name: str
    version: int = 1
    registered: datetime = START - 30 * DAY
    trained: datetime = DATA - 5 * DAY
    drift: str = "stable"
    quality: str = "stable"
    pending: int | None = None
    wish: datetime | None = None
    changed: bool = False
    scheduled: bool = False


@dataclass
class World:
    """Everything outside of the governor, and the sensor's few lines around it."""

    decide: Decide = decide
    place: Callable[..., object] = place
    now: datetime = START
    data: datetime = DATA
    late: bool = False
    books: dict[str, list[Run]] = field(default_factory=lambda: {n: [] for n in PLACES})
    since: dict[str, datetime] = field(default_factory=dict)
    requests: list[tuple[str, Retrain]] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=lambda: {n: Model(n) for n in PLACES})
    started: int = 0
    ticks: int = 0

    @property
    def runs(self) -> list[Run]:
        return [run for mine in self.books.values() for run in mine]

    @property
    def active(self) -> list[Run]:
        return [run for mine in self.books.values() for run in mine[-3:] if not run.ended]

    # --- what happens ------------------------------------------------------------------------

    def wait(self, length: timedelta) -> None:
        self.now += length
        self._launch()

    def land(self, days: float) -> None:
        self.data += days * DAY

    def finish(self, name: str, outcome: str, cost: float | None = COST) -> None:
        """End the run of a model that is under way, as SageMaker or the host would have it."""
        run = next((each for each in self.books[name][-3:] if not each.ended), None)
        if run is None or run.status == "queued":
            return
        run.status, run.finished, model, run.kept = outcome, self.now, self.models[name], None
        run.cost = cost if outcome != "failed" or self.ticks % 2 else None
        if outcome == "failed":
            return
        run.tried = self.data
        if outcome == "succeeded":
            model.version += 1
            model.registered, model.trained, model.changed = self.now, self.data, False
            model.drift = "stable"

    def by_hand(self, name: str) -> None:
        """A person launches the job itself, past the governor; Dagster's queue still counts."""
        busy = any(each.model == name for each in self.active)
        if not busy and self._slots(name):
            self._create(name, f"hand-{name}-{len(self.books[name])}", "", 0, mine=False)

    # --- the sensor --------------------------------------------------------------------------

    def tick(
        self, *, keep: bool = True, forget: bool = False, only: frozenset[str] = frozenset()
    ) -> None:
        """Evaluate once. A daemon that dies keeps nothing of it; a lost cursor forgets patience."""
        self.ticks += 1
        if forget:
            self.since = {}
        since, due = dict(self.since), {}
        for name in self.models:
            if only and name not in only:
                continue
            verdict = self.decide(self.facts(name, since.get(name)), POLICY, self.now)
            if verdict.kinds:
                since.setdefault(name, self.now)
            else:
                since.pop(name, None)
            if isinstance(verdict, Retrain):
                due[name] = verdict
        busy = [PLACES[each.model] for each in self.active]
        waiting = [
            Waiting(use_case=n, kinds=v.kinds, since=since[n], needs=PLACES[n])
            for n, v in due.items()
        ]
        starts = [
            (p.use_case, due[p.use_case]) for p in self.place(waiting, busy, QUOTA) if p.starts
        ]
        self.requests = starts
        if not keep:
            return
        for name, _ in starts:
            since[name] = self.now
        self.since = since
        self.submit()

    def submit(self) -> None:
        """Dagster takes the newest tick's requests, perhaps again: a used key starts nothing."""
        for name, verdict in self.requests:
            used = {each.key for each in self.books[name]}
            if verdict.run_key not in used:
                self._create(name, verdict.run_key, verdict.episode, verdict.attempt, mine=True)

    def facts(self, name: str, since: datetime | None) -> RetrainFacts:
        model = self.models[name]
        why = f"{name} {model.drift}"
        return RetrainFacts(
            use_case=name,
            champion_version=model.version,
            registered_at=model.registered,
            trained_through=model.trained,
            landed_through=self.data,
            drift=DriftReport(features=(), verdict=model.drift, why=why),
            monitors=(MonitorReport(monitor="model_quality", verdict=model.quality, why="auc"),),
            staleness=freshness.judge(self.data, model.trained, 21 * DAY),
            scheduled=self._scheduled() if model.scheduled else None,
            runs=tuple(each.fact for each in self.history(name)),
            pending_version=model.pending,
            requested="a wish" if model.wish else None,
            requested_at=model.wish,
            changed="code" if model.changed else None,
            late="a source" if self.late else None,
            reasons_since=since,
            ceiling_usd=PER_RUN,
        )

    def history(self, name: str) -> list[Run]:
        """Give what sensors.runs.history gives: this episode's, this month's, the newest."""
        mine, month = self.books[name], self.now.replace(day=1, hour=0, minute=0)
        episode = f"after-v{self.models[name].version}"
        old = [e for e in mine[:-60] if e.episode == episode or e.created >= month]
        return [*old, *mine[-60:]]

    def _scheduled(self) -> Scheduled:
        monday = self.data - timedelta(days=self.data.weekday())
        due = monday.replace(hour=6, minute=0)
        due = due if due <= self.data else due - 7 * DAY
        return Scheduled(due=due, upcoming=due + 7 * DAY, clock="data")

    def _create(self, name: str, key: str, episode: str, attempt: int, *, mine: bool) -> None:
        if mine:
            self.started += 1
            self._judge_start(name, key, episode)
        self.books[name].append(Run(key, name, episode, attempt, self.now))
        self._launch()

    def _launch(self) -> None:
        """Dagster's queue lets in one training of a model at a time."""
        for run in self.active:
            busy = any(e.model == run.model and e.status == "running" for e in self.active)
            if run.status == "queued" and not busy:
                run.status = "running"

    def _slots(self, name: str) -> bool:
        active = self.active
        big = sum("ml.big" in PLACES[each.model] for each in active)
        return len(active) < QUOTA.runs and ("ml.big" not in PLACES[name] or big < 1)

    # --- what must never happen --------------------------------------------------------------

    def _judge_start(self, name: str, key: str, episode: str) -> None:
        """Judge a start by the world's own books."""
        mine = self.books[name]
        assert key not in {each.key for each in mine}, f"{key} started twice"
        assert all(each.ended for each in mine), f"{key}: another run of {name} is under way"
        model = self.models[name]
        assert episode == f"after-v{model.version}", f"{key} is of a past episode"
        assert model.pending is None, f"{key}: version {model.pending} awaits a person"
        assert not self.blacked_out(self.now), f"{key} in a blackout, {self.now:%a %d %H:%M}"
        assert self._slots(name), f"{key}: the quota is exceeded"
        assert self.spent(name) + self.expected(name) <= MONTHLY + 1e-9, f"{key} over the budget"
        asked = model.wish is not None and not self.answered(name)
        failed = [e for e in mine if e.episode == episode]
        if failed and failed[-1].status == "failed" and not asked:
            last = failed[-1].finished or failed[-1].created
            assert self.now - last >= POLICY.back_off, f"{key}: no back-off after a failure"
        if failed and failed[-1].status == "refused" and not asked and failed[-1].tried:
            assert self.data - failed[-1].tried >= POLICY.minimum_new_data, f"{key}: the same rows"
        doubtful = model.drift == "cannot_tell"
        firm = asked or model.changed or model.scheduled or self.data - model.trained > 21 * DAY
        assert firm or (not doubtful and "drifted" in (model.drift, model.quality)), f"{key}: why?"

    @staticmethod
    def blacked_out(now: datetime) -> bool:
        dates = (START + 20 * DAY).date() <= now.date() <= (START + 21 * DAY).date()
        return now.weekday() >= 5 or 20 <= now.hour < 22 or dates

    def expected(self, name: str) -> float:
        judged = [e.cost for e in self.books[name] if e.status in ("refused", "succeeded")]
        costs = [each for each in judged[-200:] if each is not None]
        return max(costs[-5:]) if costs else PER_RUN

    def spent(self, name: str) -> float:
        month = (self.now.year, self.now.month)
        mine = [e for e in self.books[name] if (e.created.year, e.created.month) == month]
        return math.fsum(self.expected(name) if e.cost is None else e.cost for e in mine)

    def answered(self, name: str) -> bool:
        model = self.models[name]
        assert model.wish is not None
        return triggers.served(self.facts(name, None), model.wish)

    # --- what must happen in the end ---------------------------------------------------------

    def calm(self, name: str) -> None:
        """Clear every obstacle there may be, but keep the reason; then it must be served soon."""
        model = self.models[name]
        self.late, model.pending, model.quality = False, None, "stable"
        for each in self.models.values():
            self.finish(each.name, "refused")
            if each.name != name:
                each.drift, each.wish, each.changed, each.scheduled = "stable", None, False, False
                each.quality, each.trained = "stable", self.data
        self.land(3)
        for each in self.models.values():
            each.trained = self.data if each.name != name else each.trained
        self._next_month()

    def _next_month(self) -> None:
        self.now = (self.now.replace(day=1) + 32 * DAY).replace(day=6, hour=8, minute=0)
        while self.blacked_out(self.now):
            self.now += DAY

    def must_serve(self, name: str, within: int = 6) -> None:
        """Tick until a run of a model that has a reason has started; assert that it does."""
        before = len(self.books[name])
        for _ in range(within):
            self.tick()
            if len(self.books[name]) > before:
                return
            self.wait(TICK)
        verdict = self.decide(self.facts(name, self.since.get(name)), POLICY, self.now)
        raise AssertionError(f"{name} is unattended: {verdict}")


def _fates(world: World, random: Random) -> None:
    name = random.choice(list(world.models))
    outcome = random.choice(["failed", "failed", "refused", "succeeded"])
    world.finish(name, outcome, random.choice([0.4, COST, 1.4, None]))


def _drift(world: World, random: Random) -> None:
    model = random.choice(list(world.models.values()))
    model.drift = random.choice(["stable", "drifted", "drifted", "cannot_tell"])


def _quality(world: World, random: Random) -> None:
    model = random.choice(list(world.models.values()))
    model.quality = random.choice(["stable", "stable", "drifted", "cannot_tell"])


def _people(world: World, random: Random) -> None:
    model = random.choice(list(world.models.values()))
    what = random.random()
    if what < 0.3:
        model.wish = world.now if random.random() < 0.7 else None
    elif what < 0.6:
        model.changed = True
    elif what < 0.75:
        model.pending = None if model.pending else model.version + 1
    elif what < 0.9:
        model.scheduled = not model.scheduled
    else:
        world.by_hand(model.name)


def _time(world: World, random: Random) -> None:
    world.wait(random.choice([MINUTE, TICK, HOUR, 7 * HOUR]))


def _sources(world: World, random: Random) -> None:
    world.land(random.choice([0.04, 1, 3]))
    world.late = random.random() < 0.1


_HAPPENINGS = {_time: 25, _sources: 12, _drift: 15, _quality: 3, _fates: 25, _people: 10}


def step(world: World, random: Random) -> None:
    """One thing that happens, and most often a tick after it."""
    (happening,) = random.choices(list(_HAPPENINGS), weights=list(_HAPPENINGS.values()))
    happening(world, random)
    told = random.random()
    if told < 0.75:
        some = frozenset({random.choice(list(world.models))}) if told > 0.68 else frozenset()
        world.tick(forget=told < 0.03, only=some)
    elif told < 0.85:
        world.tick(keep=False)  # the daemon died before it told Dagster
    elif told < 0.95:
        world.tick()
        world.submit()  # the same tick's requests once more
