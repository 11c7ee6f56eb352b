"""One run: a scene under fire until all kills are done, then everything is looked up again."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks.kills.ledger import Ledger
from benchmarks.kills.loop import Demo, Told
from benchmarks.kills.moments import MOMENTS, Killer, Plan
from benchmarks.kills.proxy import Proxy
from benchmarks.kills.readers import Readers
from benchmarks.kills.server import ServerLife
from benchmarks.kills.verify import Verifier

if TYPE_CHECKING:
    from benchmarks.kills.ledger import Call
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


class Scene(Protocol):
    """What happens while the server is killed."""

    def play(self, killer: Killer, deadline: float) -> None:
        """Work until the killer has finished and the work has come to an end."""

    def down(self) -> None:
        """End what was started."""

    def problems(self) -> list[str]:
        """Return what has not come out as it should."""

    def inventory(self, calls: list[Call]) -> tuple[list[str], list[str]]:
        """Return what is there twice, and what is still under way."""

    repairs: int


MakeScene = Callable[[Path, str, Readers, Told], Scene]


def run(
    plan: Plan, make: MakeScene = Demo, folder: Path | None = None, *, most_seconds: float = 2400.0
) -> Result:
    """Kill by plan while a scene is played; ``folder`` keeps the state, else it is removed."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return _run(plan, make, folder, most_seconds)
    with tempfile.TemporaryDirectory(prefix="perennial-kills-") as temporary:
        return _run(plan, make, Path(temporary), most_seconds)


def _run(plan: Plan, make: MakeScene, state: Path, most_seconds: float) -> Result:
    tell = Told()
    life = ServerLife(state / "aws")
    ledger = Ledger()
    verifier = Verifier(ledger, life.url)
    killer = Killer(life, ledger, plan, verifier.recent)
    life.start()
    proxy = Proxy(life.port, killer)
    scene = make(state, proxy.url, verifier.readers, tell)
    try:
        killer.start()
        scene.play(killer, time.monotonic() + most_seconds)
        problems = [*_killing(killer, plan), *scene.problems()]
        life.kill()
        life.revive()
        duplicates, unfinished = _settled(scene, ledger)
        verifier.everything()
    finally:
        killer.stop()
        scene.down()
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
        duplicates=duplicates,
        unfinished=unfinished,
        problems=problems,
        unchecked=verifier.unchecked,
        repairs=scene.repairs,
        told=tell.lines,
    )


def _killing(killer: Killer, plan: Plan) -> list[str]:
    if killer.failure is not None:
        return [f"the killer ended: {killer.failure!r}"]
    done = killer.done.total()
    return [f"only {done} of {plan.kills} kills were done in time"] if done < plan.kills else []


def _settled(scene: Scene, ledger: Ledger) -> tuple[list[str], list[str]]:
    """Wait until everything under way has ended, or too long has passed."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        duplicates, unfinished = scene.inventory(ledger.calls)
        if not unfinished or time.monotonic() > deadline:
            return duplicates, unfinished
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
