"""What the governor looks at and what it answers. Shapes only; the rules are in retraining.py."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from decisions.blackout import Blackout
from decisions.freshness import Fresh, Stale
from decisions.model import Fact, Finite
from decisions.reports import DriftReport, MonitorName, MonitorReport


class RunFact(Fact):
    """One training run. Times are the wall clock's, naive UTC, unless said otherwise.

    Attributes:
        status: "refused" ran to its end, and a gate refused the challenger.
        episode: The episode it was started for; empty when a person launched it.
        tried_through: Data time up to which its training set goes, when it is known.
        cost_usd: What it cost by list price, once that is known.
    """

    run_id: str
    status: Literal["running", "failed", "refused", "succeeded"]
    episode: str = ""
    attempt: int = Field(default=0, ge=0)
    started_at: datetime
    finished_at: datetime | None = None
    tried_through: datetime | None = None
    cost_usd: Finite = None

    @property
    def answered(self) -> bool:
        """Whether it ran to its end: its challenger was judged."""
        return self.status in ("refused", "succeeded")


class Scheduled(Fact):
    """Where a schedule stands.

    Attributes:
        due: Its newest time that has passed.
        upcoming: Its next time.
        clock: Which clock it goes by; in data time a replay of last year keeps last year's dates.
    """

    due: datetime
    upcoming: datetime
    clock: Literal["data", "wall"]


class RetrainFacts(Fact):
    """All that the governor looks at.

    Attributes:
        champion_version: Version of the newest approved package; None before the first.
        registered_at: Wall clock at which the champion was registered.
        trained_through: Data time up to which the champion was trained.
        landed_through: Data time up to which data has landed; None when there is none.
        drift: Newest drift report against the champion's baseline.
        monitors: The newest report of each other monitor.
        staleness: Verdict of decisions.freshness.
        scheduled: Where the schedule stands, if there is one.
        runs: Training runs of this use case: at least all of this episode, all since the
            champion's, and all of this month.
        pending_version: A registered candidate that awaits approval or release.
        requested: Why a person asked for a training.
        requested_at: When (wall clock). Without it the wish counts as never served.
        changed: What changed in code or declaration since the champion was trained.
        late: Which sources are later than promised, and how late.
        schema_drift: Which sources lack columns that the use case counts on.
        reasons_since: Wall clock since when there has been a reason; None if it is not known.
        ceiling_usd: What a run costs at most, by list price and declared longest run time.
    """

    use_case: str
    champion_version: int | None = None
    registered_at: datetime | None = None
    trained_through: datetime | None = None
    landed_through: datetime | None = None
    drift: DriftReport | None = None
    monitors: tuple[MonitorReport, ...] = ()
    staleness: Fresh | Stale | None = None
    scheduled: Scheduled | None = None
    runs: tuple[RunFact, ...] = ()
    pending_version: int | None = None
    requested: str | None = None
    requested_at: datetime | None = None
    changed: str | None = None
    late: str | None = None
    schema_drift: str | None = None
    reasons_since: datetime | None = None
    ceiling_usd: Finite = None

    @property
    def episode(self) -> str:
        """The name of every attempt to replace this champion."""
        return f"after-v{self.champion_version or 0}"


class Budget(Fact):
    """What retraining may cost, in USD by list price; None is no limit.

    Attributes:
        monthly_usd: All runs that began in one calendar month (UTC), whoever started them.
        per_run_usd: One run.
    """

    monthly_usd: float | None = Field(default=None, gt=0.0)
    per_run_usd: float | None = Field(default=None, gt=0.0)


class RetrainPolicy(Fact):
    """How eager the governor is.

    Attributes:
        minimum_new_data: Data time that must land after a challenger that did not become champion.
        cool_down: Data time after the champion's training in which only a change or a person starts
            anything.
        back_off: Wall-clock wait after the first failure; it doubles with each further one.
        maximum_back_off: Longest wait between attempts.
        settle: Wall-clock time for which there must have been a reason: what arrives meanwhile
            is served by the same run, and a reason that flickers by starts none.
        first_by_itself: Train the first model too; otherwise a person launches it, for there is no
            champion yet that a first result could be measured against.
        blackout: When nothing may start.
        budget: What it may cost.
    """

    minimum_new_data: timedelta = timedelta(days=1)
    cool_down: timedelta = timedelta(0)
    back_off: timedelta = timedelta(minutes=10)
    maximum_back_off: timedelta = timedelta(days=1)
    settle: timedelta = timedelta(0)
    first_by_itself: bool = True
    blackout: tuple[Blackout, ...] = ()
    budget: Budget = Budget()


TriggerKind = Literal["request", "first", "change", "schedule", "staleness"] | MonitorName
HoldRule = Literal[
    "in_flight",
    "no_data",
    "pending_version",
    "first_by_person",
    "no_reason",
    "cannot_tell",
    "schema_drift",
    "blackout",
    "budget",
    "late_source",
    "back_off",
    "new_data",
    "cool_down",
    "settle",
    "quota",
]


class Trigger(Fact):
    """One reason to train."""

    kind: TriggerKind
    why: str = ""

    @property
    def said(self) -> str:
        """The reason in words."""
        if self.kind == "first":
            return "no model yet"
        name = {"request": "on request", "data_drift": "drift"}.get(self.kind, self.kind)
        return f"{name}: {self.why}"


class Obstacle(Fact):
    """One thing that stands in the way. `until` is wall clock; None where time does not end it."""

    rule: HoldRule
    why: str
    until: datetime | None = None


class Retrain(Fact):
    """Train now. The run key is the same for as long as the facts are.

    Attributes:
        kinds: What kinds of reasons there are, in the order of `reasons`.
        alerts: What could not be told; a person should look.
        estimate_usd: What the run is expected to cost, where that is known.
    """

    verdict: Literal["retrain"] = "retrain"
    reasons: tuple[str, ...]
    episode: str
    attempt: int
    run_key: str
    kinds: tuple[TriggerKind, ...] = ()
    alerts: tuple[str, ...] = ()
    estimate_usd: Finite = None


class Hold(Fact):
    """Do not train now.

    Attributes:
        until: Wall clock at which it is worth looking again; None when something other than time
            decides.
        why: The first obstacle.
        rule: Its rule.
        obstacles: All of them.
        reasons: What would be trained for.
        alerts: What could not be told; a person should look.
    """

    verdict: Literal["hold"] = "hold"
    until: datetime | None
    why: str
    rule: HoldRule = "no_reason"
    obstacles: tuple[Obstacle, ...] = ()
    reasons: tuple[str, ...] = ()
    kinds: tuple[TriggerKind, ...] = ()
    alerts: tuple[str, ...] = ()
