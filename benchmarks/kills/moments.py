"""When the server is killed: seeded, some at any time, some around a request that changes things.

Four moments are told apart: ``any time``; ``before`` a request reaches the server; ``during`` its
work on it; ``after`` it has answered and before the client hears of it (the lost response).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.kills.proxy import Cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.kills.ledger import Ledger
    from benchmarks.kills.proxy import Answered, Asked
    from benchmarks.kills.server import ServerLife

ANY, BEFORE, DURING, AFTER = "any time", "before", "during", "after"
MOMENTS = (ANY, BEFORE, DURING, AFTER)
_PATIENCE = 4.0
_LONGEST_WORK = 0.03


@dataclass(frozen=True, slots=True)
class Plan:
    """How often and how densely to kill.

    Attributes:
        kills: How many.
        seed: Of the moments; what the project does at each is not in its power.
        gap: Least and most seconds from an answering server to the next kill.
    """

    kills: int
    seed: int
    gap: tuple[float, float] = (3.0, 12.0)


class Killer:
    """Kills by plan in a thread of its own, and sees every request pass (a proxy's witness)."""

    def __init__(
        self, life: ServerLife, ledger: Ledger, plan: Plan, after_restart: Callable[[], None]
    ) -> None:
        self.done: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._life = life
        self._ledger = ledger
        self._plan = plan
        self._after_restart = after_restart
        self._random = random.Random(plan.seed)  # noqa: S311 - a seed is the point
        self._armed: str | None = None
        self._struck = threading.Event()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    @property
    def finished(self) -> bool:
        """Say whether all kills of the plan are done."""
        return self.done.total() >= self._plan.kills

    def start(self) -> None:
        """Begin to kill."""
        self._thread.start()

    def stop(self) -> None:
        """Kill no more; the server runs on return."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self.finished and not self._stop.wait(self._random.uniform(*self._plan.gap)):
                moment = self._random.choice(MOMENTS)
                self.done[self._strike(moment)] += 1
                self._life.revive()
                self._after_restart()
        except BaseException as error:  # noqa: BLE001 - told at the run's end
            self.failure = error

    def _strike(self, moment: str) -> str:
        if moment != ANY:
            self._struck.clear()
            self._armed = moment
            if self._struck.wait(_PATIENCE):
                return moment
            with self._lock:
                if self._armed is None:  # a request came just now
                    self._struck.wait()
                    return moment
                self._armed = None
        self._life.kill()
        return ANY

    # As a witness.

    def begin(self, asked: Asked) -> Any:
        """Note the request; perhaps it is not to reach the server."""
        call, found = self._ledger.begin(asked)
        if call is not None and self._takes(BEFORE):
            self._kill()
            self._ledger.lose(call)
            raise Cut
        return call, found

    def sent(self, note: Any) -> None:
        """Perhaps the server is to end while it works on the request."""
        if note[0] is not None and self._takes(DURING):
            time.sleep(self._random.uniform(0.0, _LONGEST_WORK))
            self._kill()

    def answered(self, note: Any, answer: Answered) -> None:
        """Perhaps nobody is to hear of the answer."""
        if note[0] is not None and answer.status < 300 and self._takes(AFTER):
            self._kill()
            raise Cut

    def acknowledged(self, note: Any, answer: Answered) -> None:
        """Note what the client has received."""
        self._ledger.acknowledge(*note, answer)

    def lost(self, note: Any) -> None:
        """Note that the client has received nothing."""
        if note is not None:
            self._ledger.lose(note[0])

    def _takes(self, moment: str) -> bool:
        with self._lock:
            if self._armed != moment:
                return False
            self._armed = None
            return True

    def _kill(self) -> None:
        self._life.kill()
        self._struck.set()
