"""The command's work: read the policies, set the stage, replay each, write what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.backtest import costs, plot, tables
from orchestration.backtest.history import History
from orchestration.backtest.lab import Lab
from orchestration.backtest.replay import replay
from orchestration.backtest.results import Comparison, result_of
from orchestration.backtest.scratch import Scratch
from orchestration.backtest.stage import backtest_folder, stage
from orchestration.backtest.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from orchestration.backtest.policy import Policy
    from orchestration.backtest.results import Result
    from orchestration.backtest.span import Span
    from usecases.declaration import UseCase

    Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Written:
    """Where a backtest's files lie, and how long it took."""

    comparison: Comparison
    folder: Path
    seconds: float


def run(
    use_case: UseCase,
    policies: Sequence[Policy],
    span: Span,
    *,
    here: bool = False,
    out: Path | None = None,
    say: Say = lambda _: None,
) -> Written:
    """Replay the policies over a span and write table, figures and picture.

    Args:
        use_case: Whose past.
        policies: At least one.
        span: Which part of it.
        here: Ask the environment's AWS as it stands, also where it is an embedded one.
        out: Folder of the results; by default one of the state folder.
        say: Told what is under way.

    Raises:
        Terminal: Not enough has landed, or there is no first model.
    """
    begun = time.monotonic()
    home = backtest_folder() / use_case.name
    with stage(use_case, span.landed_by(use_case), here=here, say=say) as platform:
        store = Store(home)
        history = History(Scratch(platform, use_case), use_case, span, store, say)
        lab = Lab(use_case, history, store, say)
        results = tuple(_replayed(each, use_case, span, lab, say) for each in policies)
    comparison = Comparison(
        use_case=use_case.name,
        weeks=tuple(since for since, _ in span.weeks()),
        results=results,
        cost=costs.of_retrain(use_case),
        about=tuple(_about(use_case, span)),
    )
    folder = out or home / "results"
    write(comparison, folder)
    return Written(comparison, folder, time.monotonic() - begun)


def write(comparison: Comparison, folder: Path) -> None:
    """Write a comparison's four files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "backtest.md").write_text(tables.markdown(comparison))
    (folder / "weekly.csv").write_text(tables.weekly_csv(comparison))
    (folder / "backtest.json").write_text(tables.document(comparison))
    (folder / "backtest.png").write_bytes(plot.png(comparison))


def _replayed(policy: Policy, use_case: UseCase, span: Span, lab: Lab, say: Say) -> Result:
    say(f"policy {policy.name}")
    course = replay(policy, use_case, span, lab)
    say(f"policy {policy.name}: scoring its models")
    return result_of(course, span, lab.score, costs.of_retrain(use_case))


def _about(use_case: UseCase, span: Span) -> list[str]:
    cost = costs.of_retrain(use_case)
    price = "" if cost.usd is None else f"{cost.usd:.3f} USD: "
    days = f"{use_case.name}, {span.start:%Y-%m-%d} to {span.end:%Y-%m-%d}"
    how = "each week's events scored by the model that served then, trained on what was known then"
    return [f"{days}; {how}.", f"One retrain: {price}{cost.why}."]
