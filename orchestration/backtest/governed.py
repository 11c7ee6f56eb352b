"""The governor's question, with facts of the past: the one place that knows `decisions.retraining`.

What sensors/governing.py gathers from Glue, the registry and Dagster, the replay knows already. The
clock is data time here: a tick happens when a day has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisions import cron, freshness, retraining
from decisions.reports import DriftReport
from decisions.retraining import Retrain, RetrainFacts, RunFact, Scheduled
from orchestration.backtest import costs
from resources.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Literal

    from usecases.declaration import UseCase

    Status = Literal["succeeded", "refused", "failed"]
    Past = tuple[datetime, datetime, Status]

_ASSUMED = DriftReport(features=(), verdict="drifted", why="assumed")


def require_first(status: Status, why: str, at: datetime) -> None:
    """Refuse a span whose first training gives no model.

    Raises:
        Terminal: The training failed, or a gate refused its model.
    """
    if status != "succeeded":
        raise Terminal(
            f"There is no first model at {at:%Y-%m-%d}: its training {status}: {why} Begin with a "
            "later --from, when more data had landed, or mend the declaration."
        )


def reasons(
    use_case: UseCase,
    *,
    champion: datetime,
    history: Sequence[Past],
    now: datetime,
    ages: bool,
    drift: Callable[[], DriftReport],
) -> tuple[str, ...]:
    """Ask the governor at a moment; give its reasons to train, none where it holds.

    Args:
        use_case: Whose policies.
        champion: When the model that serves was trained.
        history: Every training before: (started, ended, status).
        now: The tick; all before it has landed.
        ages: Whether the champion's age counts, and a schedule.
        drift: Measures drift. Not called where the governor would hold even if there were any.
    """
    facts = _facts(use_case, champion, history, now, ages=ages)
    policy = use_case.retraining.policy
    if_drifted = retraining.decide(facts.model_copy(update={"drift": _ASSUMED}), policy, now)
    if not isinstance(if_drifted, Retrain):
        return ()
    verdict = retraining.decide(facts.model_copy(update={"drift": drift()}), policy, now)
    return verdict.reasons if isinstance(verdict, Retrain) else ()


def _facts(
    use_case: UseCase, champion: datetime, history: Sequence[Past], now: datetime, *, ages: bool
) -> RetrainFacts:
    stale = freshness.judge(now, champion, use_case.retraining.max_age) if ages else None
    return RetrainFacts(
        use_case=use_case.name,
        champion_version=_version(history, now),
        trained_through=champion,
        landed_through=now,
        staleness=stale,
        scheduled=_scheduled(use_case, now) if ages else None,
        ceiling_usd=use_case.retraining.ceiling_usd(use_case.compute),
        runs=tuple(_runs(use_case, history, now)),
    )


def _scheduled(use_case: UseCase, now: datetime) -> Scheduled | None:
    if use_case.retraining.schedule is None:
        return None
    times = cron.parse(use_case.retraining.schedule)
    return Scheduled(due=times.newest(now), upcoming=times.upcoming(now), clock="data")


def _version(history: Sequence[Past], now: datetime) -> int:
    """Give the champion's version: the first model is 1, each accepted challenger the next."""
    return 1 + sum(status == "succeeded" and ended <= now for _, ended, status in history)


def _runs(use_case: UseCase, history: Sequence[Past], now: datetime) -> list[RunFact]:
    attempts: dict[str, int] = {}
    found = []
    for started, ended, status in history:
        episode = f"after-v{_version(history, started)}"
        attempts[episode] = attempts.get(episode, 0) + 1
        over = ended <= now
        found.append(
            RunFact(
                run_id=f"{started:%Y-%m-%d}",
                status=status if over else "running",
                episode=episode,
                attempt=attempts[episode],
                cost_usd=costs.of_retrain(use_case).usd if over else None,
                started_at=started,
                finished_at=ended if over else None,
                tried_through=started if status != "failed" else None,
            )
        )
    return found
