"""One policy, day by day through the past: when it trains, what becomes of it, which model serves.

Pure over a `World`, which knows what a training would have given and how far data had drifted. A
model is called by the moment at which it was trained: equal data and equal seed give an equal
model, so all policies that train at one moment share it. What the governor is told belongs to
governed.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Protocol

from orchestration.backtest import governed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from decisions.reports import DriftReport
    from orchestration.backtest.policy import Policy
    from orchestration.backtest.span import Span
    from usecases.declaration import UseCase


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a training: "refused" ended well, and a gate refused the challenger."""

    status: Literal["succeeded", "refused", "failed"]
    why: str


class World(Protocol):
    """What a replay asks of the past."""

    def train(self, at: datetime, champion: datetime | None) -> Outcome:
        """Train on what was known at a moment, and judge against a champion."""
        ...

    def drift(self, use_case: UseCase, champion: datetime, now: datetime) -> DriftReport:
        """Judge what had landed by now against what a champion learnt."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A training that a policy started.

    Attributes:
        at: When; also the data time up to which it learnt.
        ended: From here on its model serves, if it was accepted.
    """

    at: datetime
    ended: datetime
    reasons: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True)
class Course:
    """What a policy did over the span. The first trial is every policy's first model."""

    policy: Policy
    trials: tuple[Trial, ...]

    @property
    def retrains(self) -> tuple[Trial, ...]:
        """Give the trainings that the policy asked for."""
        return self.trials[1:]

    def champion(self, now: datetime) -> datetime:
        """Give the model that serves at a moment."""
        return champion_of(self.trials, now)

    def reigns(
        self, since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, datetime, datetime]]:
        """Yield (model, from, until) for each model that serves in some time, in order."""
        changes = [each.ended for each in self.retrains if each.outcome.status == "succeeded"]
        edges = [since, *(at for at in changes if since < at < until), until]
        for low, high in pairwise(edges):
            yield self.champion(low), low, high


def champion_of(trials: tuple[Trial, ...], now: datetime) -> datetime:
    """Give the newest accepted model whose training had ended; the first model before any."""
    accepted = [
        each.at for each in trials[1:] if each.outcome.status == "succeeded" and each.ended <= now
    ]
    return accepted[-1] if accepted else trials[0].at


def replay(policy: Policy, use_case: UseCase, span: Span, world: World) -> Course:
    """Ask a policy at each tick of the span, and do as it says.

    Args:
        policy: When to train.
        use_case: As declared; the policy's changes are made here.
        span: Which part of the past.
        world: What a training gives and how far data drifted.

    Raises:
        Terminal: There is no first model: its training failed or its gates refused it.
    """
    changed = policy.applied(use_case)
    lasts = changed.compute.max_runtime
    first = world.train(span.start, None)
    governed.require_first(first.status, first.why, span.start)
    # The first model serves from the start on: without one there is no quality to compare.
    trials: tuple[Trial, ...] = (Trial(span.start, span.start, ("first model",), first),)
    for now in span.ticks():
        reasons = _asks(policy, changed, trials, span, world, now)
        if reasons:
            trials = (*trials, _tried(world, trials, reasons, now, lasts))
    return Course(policy, trials)


def _tried(
    world: World,
    trials: tuple[Trial, ...],
    reasons: tuple[str, ...],
    now: datetime,
    lasts: timedelta,
) -> Trial:
    return Trial(now, now + lasts, reasons, world.train(now, champion_of(trials, now)))


def _asks(
    policy: Policy,
    use_case: UseCase,
    trials: tuple[Trial, ...],
    span: Span,
    world: World,
    now: datetime,
) -> tuple[str, ...]:
    """Give a policy's reasons to train now; none if it does not."""
    if policy.kind == "monthly":
        return ("a month begins",) if now.day == 1 else ()
    if policy.kind == "weekly":
        return ("a week begins",) if (now - span.start).days % 7 == 0 else ()
    if policy.every is not None:
        return (f"every {policy.every.days} days",) if not (now - span.start) % policy.every else ()
    if policy.kind == "never":
        return ()
    champion = champion_of(trials, now)
    return governed.reasons(
        use_case,
        champion=champion,
        history=[(each.at, each.ended, each.outcome.status) for each in trials[1:]],
        now=now,
        ages=policy.kind == "governor",
        drift=lambda: world.drift(use_case, champion, now),
    )
