"""What the retraining sensor remembers between ticks, as its cursor. Losing it costs patience only.

Which models a tick came to, what Dagster was told, and since when there has been a reason: without
it a model settles anew and joins the queue as if it had just come. No verdict rests on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class GovernorMemory:
    """The cursor's content, by use case.

    Attributes:
        since: Since when there has been a reason to train (wall clock, naive UTC).
        waiting: Virtual start of those that wait in the queue.
        said: Digest of what Dagster was told last.
        begin: The use case that the next tick begins with.
        alerted: Use cases of which CloudWatch was told that something cannot be told, sorted.
        measured: Minute since the epoch at which that was.
    """

    since: dict[str, datetime] = field(default_factory=dict)
    waiting: dict[str, datetime] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    begin: str = ""
    alerted: list[str] = field(default_factory=list)
    measured: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> GovernorMemory:
        """Read a cursor; one that is none of ours is forgotten."""
        try:
            found = json.loads(cursor or "{}")
            return cls(
                {name: datetime.fromisoformat(at) for name, at in found["since"].items()},
                {name: datetime.fromisoformat(at) for name, at in found["waiting"].items()},
                {str(name): str(each) for name, each in found["said"].items()},
                str(found["begin"]),
                sorted(map(str, found["alerted"])),
                int(found["measured"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def write(self, names: frozenset[str]) -> str:
        """Write the cursor, without use cases that are not declared any more."""
        document = {
            "since": {n: at.isoformat() for n, at in self.since.items() if n in names},
            "waiting": {n: at.isoformat() for n, at in self.waiting.items() if n in names},
            "said": {n: each for n, each in self.said.items() if n in names},
            "begin": self.begin,
            "alerted": [name for name in self.alerted if name in names],
            "measured": self.measured,
        }
        return json.dumps(document, separators=(",", ":"))

    def order(self, names: list[str], first: int) -> list[str]:
        """Return in which order a tick comes to use cases.

        Those that are next in the queue first, or they would wait for the tick to come round; then
        all others from where the last tick ended.
        """
        queued = sorted(set(self.waiting) & set(names), key=lambda name: self.waiting[name])
        place = names.index(self.begin) if self.begin in names else 0
        others = [*names[place:], *names[:place]]
        return list(dict.fromkeys([*queued[:first], *others]))
