"""`perennial why MODEL`: the governor's verdict now, with the facts it rests on. Changes nothing.

Asks what the sensor asks and decides as it does. Only the place in the queue is read back from what
the sensor told last: that needs the verdicts on all models.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from decisions import budget
from decisions.budget import usd
from decisions.freshness import write_length
from decisions.retraining import Hold
from orchestration.home import dagster_home
from resources import wishes
from resources.clock import utc_now
from sensors.governing import situation_of
from sensors.judging import judge
from sensors.runs import history
from usecases import asset_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dagster as dg

    from decisions.retraining import RunFact
    from resources.platform import Platform
    from sensors.governing import Situation
    from sensors.verdicts import Judged
    from usecases.declaration import UseCase

#: Exit codes: it trains, or need not; there is a reason and it waits; something cannot be told.
FINE, WAITS, CANNOT_TELL = 0, 3, 4
_LAST_RUNS = 8
_GOING = frozenset({"in_flight", "pending_version", "no_reason"})


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict, and what the sensor told last; that is empty before its first tick."""

    use_case: UseCase
    situation: Situation
    judged: Judged
    told: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """Return what a script may go by."""
        verdict = self.judged.verdict
        if verdict.alerts:
            return CANNOT_TELL
        held = isinstance(verdict, Hold) and verdict.rule not in _GOING
        return WAITS if held or self.queued else FINE

    @property
    def queued(self) -> bool:
        """Whether the sensor let another model go first, and it still is due."""
        return self.judged.due and self.told.get("verdict") == "queued"

    @property
    def state(self) -> str:
        """Return what it comes to, in one word."""
        return "queued" if self.queued else self.judged.state

    @property
    def why(self) -> str:
        """Return the first thing that stands in the way, or what is trained for."""
        return str(self.told.get("why", "")) if self.queued else self.judged.why

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "verdict": self.judged.verdict.model_dump(mode="json"),
            "facts": self.judged.facts.model_dump(mode="json"),
            "ledger": _ledger(self.judged).model_dump(mode="json"),
            "told_by_sensor": self.told,
        }


def explain(
    platform: Platform, use_case: UseCase, instance: dg.DagsterInstance | None = None
) -> Explanation:
    """Put a model before the governor now.

    Args:
        platform: The doors to AWS.
        use_case: Whose model.
        instance: Dagster's; by default that of this machine, if there is one.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: A table or the registry is not as it should be, or AWS refused.
    """
    import dagster as dg

    if instance is None and (dagster_home() / "dagster.yaml").exists():
        with dg.DagsterInstance.from_config(str(dagster_home())) as found:
            return _explain(platform, use_case, found)
    return _explain(platform, use_case, instance)


def _explain(
    platform: Platform, use_case: UseCase, instance: dg.DagsterInstance | None
) -> Explanation:
    now, situation = utc_now(), situation_of(platform, use_case)
    asked = wishes.keys(platform.artifacts).get(use_case.name, ())
    told = _told(instance, use_case) if instance else {}
    version = situation.champion.version if situation.champion else 0
    episode = f"after-v{version}"
    runs = history(instance, use_case.name, episode=episode, now=now) if instance else ()
    since = _moment(told.get("since"))
    judged, _ = judge(platform, use_case, situation, runs, wishes=asked, now=now, since=since)
    return Explanation(use_case, situation, judged, told)


def _told(instance: dg.DagsterInstance, use_case: UseCase) -> dict[str, Any]:
    """Return what the sensor told last of this model."""
    import dagster as dg

    key = dg.AssetKey(asset_keys.governor(use_case.name))
    event = instance.get_latest_materialization_event(key)
    made = event.asset_materialization if event else None
    return {name: each.value for name, each in made.metadata.items()} if made else {}


def tables(found: Explanation) -> Iterator[Table]:
    """Yield the answer for a terminal: the verdict, what it rests on, and the last runs."""
    yield _answer(found)
    if isinstance(found.judged.verdict, Hold):
        yield _obstacles(found.judged.verdict)
    yield _facts(found)
    if found.judged.facts.runs:
        yield _runs(found.judged.facts.runs)


def _answer(found: Explanation) -> Table:
    judged = found.judged
    table = _plain(found.use_case.title)
    table.add_row("verdict", found.state)
    table.add_row("because", found.why)
    for reason in judged.verdict.reasons:
        table.add_row("reason", Text(reason))
    for alert in judged.verdict.alerts:
        table.add_row("cannot tell", Text(alert))
    if isinstance(judged.verdict, Hold):
        until = judged.verdict.until
        table.add_row("until", f"{until:%Y-%m-%d %H:%M} UTC" if until else "not by time alone")
    else:
        table.add_row("run key", judged.verdict.run_key)
    return table


def _obstacles(verdict: Hold) -> Table:
    table = Table("rule", "until (UTC)", "why", title="What stands in the way")
    for each in verdict.obstacles:
        until = f"{each.until:%Y-%m-%d %H:%M}" if each.until else ""
        table.add_row(each.rule, until, Text(each.why))
    return table


def _facts(found: Explanation) -> Table:
    facts, table = found.judged.facts, _plain("What it rests on")
    champion = f"version {facts.champion_version}" if facts.champion_version else "none"
    table.add_row("champion", f"{champion}, trained through {facts.trained_through}")
    table.add_row("landed through", str(facts.landed_through))
    if facts.staleness:
        table.add_row("age", facts.staleness.why)
    drift = f"{facts.drift.verdict}: {facts.drift.why}" if facts.drift else "no report"
    table.add_row("drift", Text(drift))
    for report in facts.monitors:
        role = "" if report.retrains else " (told only)"
        table.add_row(report.monitor, Text(f"{report.verdict}: {report.why}{role}"))
    if facts.scheduled:
        due, upcoming = facts.scheduled.due, facts.scheduled.upcoming
        clock = facts.scheduled.clock
        table.add_row("schedule", f"last due {due}, next {upcoming} ({clock} time)")
    table.add_row("changed", Text(facts.changed or "nothing"))
    table.add_row("asked for", Text(facts.requested or "by nobody"))
    table.add_row("budget", _money(found))
    table.add_row("queue", _queue(found))
    return table


def _money(found: Explanation) -> str:
    book, limits = _ledger(found.judged), found.use_case.retraining.budget
    spent = "unknown" if book.spent_usd is None else f"{usd(book.spent_usd)} USD"
    monthly = "no limit" if limits.monthly_usd is None else usd(limits.monthly_usd)
    each = "no limit" if limits.per_run_usd is None else usd(limits.per_run_usd)
    expected = "unknown"
    if book.estimate is not None:
        expected = f"{usd(book.estimate.usd)} USD by {book.estimate.basis}"
    return (
        f"{spent} spent this month by {book.runs} run(s) (a month: {monthly}); "
        f"the next: {expected} (a run: {each})"
    )


def _queue(found: Explanation) -> str:
    if not found.queued:
        return "not in it"
    return f"place {found.told.get('queue_position')}, as the sensor told last"


def _runs(runs: tuple[RunFact, ...]) -> Table:
    columns = ("run", "status", "episode", "began (UTC)", "took", "cost", "data through")
    table = Table(*columns, title="Last runs")
    newest = sorted(runs, key=lambda run: run.started_at, reverse=True)[:_LAST_RUNS]
    for run in newest:
        took = write_length(run.finished_at - run.started_at) if run.finished_at else ""
        table.add_row(
            run.run_id[:8],
            run.status,
            f"{run.episode} #{run.attempt}" if run.episode else "by a person",
            f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            took,
            "" if run.cost_usd is None else f"{run.cost_usd:.4f}",
            f"{run.tried_through:%Y-%m-%d %H:%M}" if run.tried_through else "",
        )
    return table


def as_json(found: Explanation) -> str:
    """Return the answer for a script."""
    return json.dumps({**found.document(), "exit_code": found.exit_code}, default=str)


def _plain(title: str) -> Table:
    return Table(title=title, show_header=False, title_justify="left")


def _ledger(judged: Judged) -> budget.Ledger:
    return budget.ledger(judged.facts.runs, judged.facts.ceiling_usd, judged.now)


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
