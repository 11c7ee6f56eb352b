"""One run: the loop under fire until all kills are done, then everything is looked up again."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.kills.duplicates import STAGES, Inventory
from benchmarks.kills.ledger import Ledger
from benchmarks.kills.loop import GROUP, RELEASE, TRAINING, Loop, Told
from benchmarks.kills.moments import MOMENTS, Killer, Plan
from benchmarks.kills.proxy import Proxy
from benchmarks.kills.server import ServerLife
from benchmarks.kills.verify import Verifier

if TYPE_CHECKING:
    from benchmarks.kills.verify import Loss

_SETTLE_SECONDS = 120.0


@dataclass
class Result:
    """What a run found."""

    plan: Plan
    seconds: float
    kills: Counter[str]
    restarts: list[float]
    calls: Counter[str]
    checked: int
    losses: list[Loss]
    duplicates: list[str]
    unfinished: list[str]
    problems: list[str]
    unchecked: dict[str, int] = field(default_factory=dict)
    repairs: int = 0
    told: list[tuple[float, str]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Say whether nothing was lost, doubled or left undone."""
        return not (self.losses or self.duplicates or self.unfinished or self.problems)


def run(plan: Plan, folder: Path | None = None, *, most_seconds: float = 1800.0) -> Result:
    """Kill by plan while the loop goes; ``folder`` keeps the state, else it is removed."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return _run(plan, folder, most_seconds)
    with tempfile.TemporaryDirectory(prefix="perennial-kills-") as temporary:
        return _run(plan, Path(temporary), most_seconds)


def _run(plan: Plan, state: Path, most_seconds: float) -> Result:
    tell = Told()
    life = ServerLife(state / "aws")
    ledger = Ledger()
    verifier = Verifier(ledger, life.url)
    killer = Killer(life, ledger, plan, verifier.recent)
    life.start()
    proxy = Proxy(life.port, killer)
    loop = Loop(state, proxy.url, verifier.readers, tell)
    problems: list[str] = []
    try:
        _play(loop, killer, tell, most_seconds)
        problems += _endings(loop, killer, plan)
        loop.down()
        life.kill()
        life.revive()
        inventory = _settled(verifier)
        verifier.everything()
    finally:
        killer.stop()
        loop.down()
        proxy.stop()
        life.stop()
    return Result(
        plan=plan,
        seconds=time.monotonic() - tell.began,
        kills=killer.done,
        restarts=life.restarts,
        calls=Counter(call.outcome for call in ledger.calls),
        checked=len(verifier.checked),
        losses=list(verifier.losses.values()),
        duplicates=inventory.duplicates(ledger.calls) + inventory.orphans(),
        unfinished=inventory.under_way(),
        problems=problems,
        unchecked=verifier.unchecked,
        repairs=loop.repairs,
        told=tell.lines,
    )


def _play(loop: Loop, killer: Killer, tell: Told, most_seconds: float) -> None:
    killer.start()
    loop.up()
    while time.monotonic() - tell.began < most_seconds and killer.failure is None:
        loop.turn()
        if killer.finished and len(loop.versions()) > 1:
            break
        if loop.last_run_failed():
            loop.train_by_hand()
            loop.settle()
        tell(f"{killer.done.total()} kills done, {len(loop.versions())} versions approved")
    killer.stop()
    loop.settle()


def _endings(loop: Loop, killer: Killer, plan: Plan) -> list[str]:
    problems = []
    if killer.failure is not None:
        problems.append(f"the killer ended: {killer.failure}")
    if killer.done.total() < plan.kills:
        problems.append(f"only {killer.done.total()} of {plan.kills} kills were done in time")
    wanted = loop.champion()
    if len(loop.versions()) < 2:
        problems.append("fewer than two good versions were made")
    problems += [
        f"{stage} serves {serving}, not {wanted}"
        for stage in STAGES
        if (serving := loop.serving(stage)) != wanted
    ]
    return problems


def _settled(verifier: Verifier) -> Inventory:
    """Wait until everything under way has ended, or too long has passed."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        inventory = Inventory(verifier.readers, GROUP, RELEASE, TRAINING)
        if not inventory.under_way() or time.monotonic() > deadline:
            return inventory
        time.sleep(1.0)


def section(result: Result) -> str:
    """Return the result as Markdown."""
    kills = ", ".join(f"{result.kills[moment]} {moment}" for moment in MOMENTS)
    moto = [loss for loss in result.losses if loss.key.by_moto]
    own = [loss for loss in result.losses if not loss.key.by_moto]
    restarts = result.restarts or [0.0]
    rows = [
        ("kills", f"{result.kills.total()} ({kills})"),
        ("seed, seconds", f"{result.plan.seed}, {result.seconds:.0f}"),
        (
            "from kill to first answer",
            f"median {statistics.median(restarts):.2f} s, most {max(restarts):.2f} s",
        ),
        ("calls that change something", json.dumps(dict(sorted(result.calls.items())))),
        ("facts looked up again", str(result.checked)),
        ("lost, of our providers", str(len(own))),
        ("lost, of moto's", str(len(moto))),
        ("duplicates", str(len(result.duplicates))),
        ("not at an end", str(len(result.unfinished))),
        ("other problems", str(len(result.problems))),
        ("times a person had to help", str(result.repairs)),
        ("acknowledged, of kinds nobody checks", json.dumps(result.unchecked) or "none"),
    ]
    lines = ["## Kills", "", "| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)]
    for title, found in (
        ("Lost", result.losses), ("Duplicates", result.duplicates),
        ("Not at an end", result.unfinished), ("Problems", result.problems),
    ):  # fmt: skip
        if found:
            lines += ["", f"{title}:", "", *(f"- {each}" for each in found[:40])]
    return "\n".join(lines)
