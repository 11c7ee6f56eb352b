"""What a sensor that serves all models in turn remembers between ticks, as its cursor.

What was told, so that nothing is told twice, and where the next tick begins, so that no model
starves. Losing it tells everything once more; no decision rests on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usecases.declaration import UseCase


@dataclass
class Turns:
    """The cursor's content.

    Attributes:
        told: Name of the report that was told last, by use case.
        following: The use case with which the next tick begins; empty for the first.
    """

    told: dict[str, str] = field(default_factory=dict)
    following: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> Turns:
        """Read a cursor; one that is none of ours is forgotten."""
        try:
            found = json.loads(cursor or "{}")
            return cls(dict(found["told"]), str(found["following"]))
        except (ValueError, TypeError, KeyError):
            return cls()

    def write(self) -> str:
        """Write the cursor."""
        return json.dumps({"told": self.told, "following": self.following}, sort_keys=True)

    def order(self, use_cases: Sequence[UseCase]) -> list[UseCase]:
        """Return every use case once, beginning with the one that the last tick did not reach."""
        names = [each.name for each in use_cases]
        start = names.index(self.following) if self.following in names else 0
        return [*use_cases[start:], *use_cases[:start]]
