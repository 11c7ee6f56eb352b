"""The governor's verdicts, as Dagster shows them on the asset `monitoring/governor`.

Told only when what it comes to is another than before. Deciding does not belong here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from decisions import budget
from decisions.model import digest_of
from decisions.retraining import Hold
from usecases import asset_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from decisions.queue import Place
    from decisions.retraining import Retrain, RetrainFacts
    from sensors.governor_memory import GovernorMemory
    from usecases.declaration import UseCase


@dataclass(frozen=True, slots=True)
class Judged:
    """A use case's facts and verdict at one moment (wall clock, naive UTC).

    Attributes:
        place: Its place in the queue, if it is due.
        since: Since when there has been a reason.
    """

    facts: RetrainFacts
    verdict: Retrain | Hold
    now: datetime
    since: datetime | None = None
    place: Place | None = None

    @property
    def due(self) -> bool:
        """Whether nothing but the queue stands in its way."""
        return not isinstance(self.verdict, Hold)

    @property
    def state(self) -> str:
        """Return what it comes to, in one word."""
        if isinstance(self.verdict, Hold):
            return "hold"
        return "retrain" if self.place is None or self.place.starts else "queued"

    @property
    def why(self) -> str:
        """Return the first thing that stands in the way, or what is trained for."""
        if isinstance(self.verdict, Hold):
            return self.verdict.why
        if self.place is not None and not self.place.starts:
            return f"Place {self.place.position} in the queue. {self.place.why}"
        return "; ".join(self.verdict.reasons)


def told(
    use_cases: Sequence[UseCase], judged: Mapping[str, Judged], memory: GovernorMemory
) -> tuple[list[dg.AssetMaterialization], list[str]]:
    """Return the verdicts that are news, what to alert of them, and remember both."""
    events, alerts = [], []
    for use_case in use_cases:
        each = judged.get(use_case.name)
        if each is None or memory.said.get(use_case.name) == (news := digest(each)):
            continue
        memory.said[use_case.name] = news
        events.append(event(use_case, each))
        alerts += [f"{use_case.name}: cannot tell: {alert}" for alert in each.verdict.alerts]
    return events, alerts


def digest(judged: Judged) -> str:
    """Return a digest of what would be news: not an age that grows, nor a wait that goes on."""
    verdict = judged.verdict
    said: list[Any] = [judged.state, list(verdict.kinds), list(verdict.alerts)]
    said += [judged.facts.episode, judged.facts.pending_version]
    if isinstance(verdict, Hold):
        ends = [each.until for each in verdict.obstacles if each.rule != "settle"]
        said += [[each.rule for each in verdict.obstacles], [str(end) for end in ends]]
    else:
        said += [verdict.run_key, judged.place.position if judged.place else 0]
    return digest_of(said)[:16]


def event(use_case: UseCase, judged: Judged) -> dg.AssetMaterialization:
    """Return the verdict as the asset shows it."""
    return dg.AssetMaterialization(
        dg.AssetKey(asset_keys.governor(use_case.name)),
        description=judged.why[:500],
        metadata=metadata(use_case, judged),
    )


def metadata(use_case: UseCase, judged: Judged) -> dict[str, Any]:
    """Return everything a person asks of a verdict."""
    facts, verdict = judged.facts, judged.verdict
    found: dict[str, Any] = {
        "verdict": judged.state,
        "why": judged.why,
        "reasons": list(verdict.reasons),
        "episode": facts.episode,
        "champion_version": facts.champion_version or 0,
        "landed_through": str(facts.landed_through),
        "alerts": list(verdict.alerts),
        "since": judged.since.isoformat() if judged.since else "",
        **_money(use_case, judged),
    }
    if facts.scheduled:
        found["next_schedule"] = f"{facts.scheduled.upcoming} ({facts.scheduled.clock} time)"
    if isinstance(verdict, Hold):
        found["until"] = str(verdict.until or "not by time alone")
        found["obstacles"] = dg.MetadataValue.md(_table(verdict))
    else:
        found |= {"run_key": verdict.run_key, "attempt": verdict.attempt}
        found["queue_position"] = judged.place.position if judged.place else 0
    return found


def _money(use_case: UseCase, judged: Judged) -> dict[str, Any]:
    facts = judged.facts
    book = budget.ledger(facts.runs, facts.ceiling_usd, judged.now)
    limits = use_case.retraining.budget
    found = {
        "spent_this_month_usd": book.spent_usd,
        "estimate_usd": book.estimate.usd if book.estimate else None,
        "budget_monthly_usd": limits.monthly_usd,
        "budget_per_run_usd": limits.per_run_usd,
    }
    return {name: round(usd, 4) for name, usd in found.items() if usd is not None}


def _table(verdict: Hold) -> str:
    rows = [
        f"| {each.rule} | {each.until or ''} | {_cell(each.why)} |" for each in verdict.obstacles
    ]
    return "\n".join(["| rule | until | why |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
