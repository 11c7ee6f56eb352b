"""The governor: should a model be trained again now? Facts and the wall clock in, verdict out.

Level-triggered: nothing is remembered between calls. As long as a reason holds, every call gives
the same answer, so a lost tick loses nothing and a repeated one repeats the same run key.

An episode lasts from one champion to the next: "after-v3" is every attempt to replace version 3.
Its attempts are numbered, so use case + episode + attempt names one run for ever. The governor
holds while a run is in flight, while a candidate awaits a person, while it backs off from failures
(wall clock), and, after a challenger that did not become champion, until enough new data has landed
(data time): training again on the same rows would give the same answer for the same money. It
holds too while a source is late, unless a person asked or there is no model yet, and while one
lacks a declared column, whoever asked.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from decisions.freshness import Fresh, Stale
from decisions.model import Fact
from decisions.reports import DriftReport


class RunFact(Fact):
    """One training run.

    Attributes:
        status: "refused" ran to its end, and a gate refused the challenger.
        episode: The episode it was started for; empty when a person launched it.
        tried_through: Data time up to which its training set goes, when it is known.
    """

    run_id: str
    status: Literal["running", "failed", "refused", "succeeded"]
    episode: str = ""
    attempt: int = Field(default=0, ge=0)
    started_at: datetime
    finished_at: datetime | None = None
    tried_through: datetime | None = None


class RetrainFacts(Fact):
    """All that the governor looks at.

    Attributes:
        champion_version: Version of the newest approved package; None before the first.
        trained_through: Data time up to which the champion was trained.
        landed_through: Data time up to which data has landed; None when there is none.
        drift: Newest drift report against the champion's baseline.
        staleness: Verdict of decisions.freshness.
        runs: Training runs of this use case, at least all since the champion's.
        pending_version: A registered candidate that awaits approval or release.
        requested: Why a person asked for a training, while the wish is not served.
        changed: What changed in code or declaration since the champion was trained.
        late: Which sources are later than promised, and how late.
        schema_drift: Which sources lack columns that the use case counts on.
    """

    use_case: str
    champion_version: int | None = None
    trained_through: datetime | None = None
    landed_through: datetime | None = None
    drift: DriftReport | None = None
    staleness: Fresh | Stale | None = None
    runs: tuple[RunFact, ...] = ()
    pending_version: int | None = None
    requested: str | None = None
    changed: str | None = None
    late: str | None = None
    schema_drift: str | None = None

    @property
    def episode(self) -> str:
        """The name of every attempt to replace this champion."""
        return f"after-v{self.champion_version or 0}"


class RetrainPolicy(Fact):
    """How eager the governor is.

    Attributes:
        minimum_new_data: Data time that must land after a challenger that did not become champion.
        cool_down: Data time after the champion's training in which drift and age start nothing.
        back_off: Wall-clock wait after the first failure; it doubles with each further one.
        maximum_back_off: Longest wait between attempts.
        first_by_itself: Train the first model too; otherwise a person launches it, for there is no
            champion yet that a first result could be measured against.
    """

    minimum_new_data: timedelta = timedelta(days=1)
    cool_down: timedelta = timedelta(0)
    back_off: timedelta = timedelta(minutes=10)
    maximum_back_off: timedelta = timedelta(days=1)
    first_by_itself: bool = True


class Retrain(Fact):
    """Train now. The run key is the same for as long as the facts are."""

    verdict: Literal["retrain"] = "retrain"
    reasons: tuple[str, ...]
    episode: str
    attempt: int
    run_key: str


class Hold(Fact):
    """Do not train now. `until` is wall clock, and None when something other than time decides."""

    verdict: Literal["hold"] = "hold"
    until: datetime | None
    why: str


def decide(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Retrain | Hold:
    """Weigh the reasons to train against the reasons to wait."""
    obstacle = _obstacle(facts, policy)
    if obstacle is not None:
        return Hold(until=None, why=obstacle)
    reasons = _reasons(facts)
    if not reasons:
        return Hold(until=None, why="There is no reason to train: " + _calm(facts))
    if facts.schema_drift:
        # Nobody's wish helps: datasets are refused as long as a column they need is gone.
        return Hold(until=None, why=f"A source is not as declared: {facts.schema_drift}")
    # A person's wish does not wait for data or for the end of a back-off.
    hold = None if facts.requested else _wait(facts, policy, now)
    return hold or _retrain(facts, reasons)


def _obstacle(facts: RetrainFacts, policy: RetrainPolicy) -> str | None:
    """Say what keeps any training from starting, whatever the reasons for it."""
    in_flight = [run for run in facts.runs if run.status == "running"]
    if in_flight:
        return f"Run {in_flight[0].run_id} is in flight."
    if facts.landed_through is None:
        return "No data has landed yet."
    if facts.pending_version is not None:
        return f"Version {facts.pending_version} awaits approval or release."
    if facts.champion_version is None and not (facts.requested or policy.first_by_itself):
        return f"No model yet; launch retrain_{facts.use_case} for the first."
    return None


def _reasons(facts: RetrainFacts) -> tuple[str, ...]:
    found = [f"on request: {facts.requested}"] if facts.requested else []
    if facts.champion_version is None:
        return (*found, "no model yet")
    if facts.changed:
        found.append(f"change: {facts.changed}")
    if facts.drift is not None and facts.drift.verdict == "drifted":
        found.append(f"drift: {facts.drift.why}")
    if isinstance(facts.staleness, Stale):
        found.append(f"staleness: {facts.staleness.why}")
    return tuple(found)


def _calm(facts: RetrainFacts) -> str:
    drift = facts.drift.why if facts.drift else "no drift report."
    age = facts.staleness.why if facts.staleness else ""
    return f"{drift} {age}".strip()


def _wait(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Hold | None:
    finished = _finished(facts)
    return (
        _await_late(facts)
        or _back_off(finished, policy, now)
        or _await_new_data(facts, finished, policy)
        or _cool_down(facts, policy)
    )


def _await_late(facts: RetrainFacts) -> Hold | None:
    # The first model is not held: one trained on what has landed is better than none.
    if not facts.late or facts.champion_version is None:
        return None
    return Hold(until=None, why=f"A source is late: {facts.late}")


def _finished(facts: RetrainFacts) -> list[RunFact]:
    """Give this episode's finished runs, oldest first, and a person's that the champion is not of.

    A person's run counts when its data goes beyond the champion's: it tried to replace it.
    """
    seen = facts.trained_through
    mine = [
        run
        for run in facts.runs
        if run.status != "running"
        and (
            run.episode == facts.episode
            or (
                not run.episode
                and run.tried_through is not None
                and (seen is None or run.tried_through > seen)
            )
        )
    ]
    return sorted(mine, key=lambda run: (run.finished_at or run.started_at, run.run_id))


def _back_off(finished: list[RunFact], policy: RetrainPolicy, now: datetime) -> Hold | None:
    failures = 0
    for run in reversed(finished):
        if run.status != "failed":
            break
        failures += 1
    if not failures:
        return None
    last = finished[-1].finished_at or finished[-1].started_at
    # Past 2**20 any base has reached the maximum; the cap keeps timedelta from overflowing.
    wait = min(policy.back_off * 2 ** min(failures - 1, 20), policy.maximum_back_off)
    until = last + wait
    if now >= until:
        return None
    return Hold(
        until=until,
        why=f"{failures} attempt(s) in a row failed, the last ({finished[-1].run_id}) at "
        f"{last:%Y-%m-%d %H:%M:%S}; backing off for {wait}.",
    )


def _await_new_data(
    facts: RetrainFacts, finished: list[RunFact], policy: RetrainPolicy
) -> Hold | None:
    tried = [
        run for run in finished if run.status in ("refused", "succeeded") and run.tried_through
    ]
    if not tried or facts.landed_through is None:
        return None
    last = max(tried, key=lambda run: run.tried_through or run.started_at)
    if last.tried_through is None or facts.landed_through >= (
        needed := last.tried_through + policy.minimum_new_data
    ):
        return None
    return Hold(
        until=None,
        why=f"Run {last.run_id} {last.status} on data through {last.tried_through:%Y-%m-%d %H:%M} "
        f"and its challenger is not the champion; waiting for data through "
        f"{needed:%Y-%m-%d %H:%M}, landed is {facts.landed_through:%Y-%m-%d %H:%M}.",
    )


def _cool_down(facts: RetrainFacts, policy: RetrainPolicy) -> Hold | None:
    if facts.trained_through is None or facts.landed_through is None or facts.changed:
        return None
    needed = facts.trained_through + policy.cool_down
    if facts.landed_through >= needed:
        return None
    return Hold(
        until=None,
        why=f"The champion was trained through {facts.trained_through:%Y-%m-%d %H:%M}; cooling "
        f"down until data lands through {needed:%Y-%m-%d %H:%M}.",
    )


def _retrain(facts: RetrainFacts, reasons: tuple[str, ...]) -> Retrain:
    mine = [run for run in facts.runs if run.episode == facts.episode]
    # The highest number too: a history cut short must not give a used key again.
    attempt = max([len(mine), *(run.attempt for run in mine)]) + 1
    return Retrain(
        reasons=reasons,
        episode=facts.episode,
        attempt=attempt,
        run_key=f"{facts.use_case}/{facts.episode}/attempt-{attempt}",
    )
