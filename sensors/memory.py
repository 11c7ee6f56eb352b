"""What the freshness sensor remembers between ticks, as its cursor. Losing it costs one more look.

It only spares calls and avoids telling the same thing twice; no decision rests on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from resources.sightings import Name, Seen


@dataclass
class Memory:
    """The cursor's content.

    Attributes:
        seen: What was seen of each table.
        said: Digest of what Dagster was told last of each table.
        late: Tables that were late when CloudWatch was told last.
        measured: Minute since the epoch at which that was.
    """

    seen: dict[Name, Seen] = field(default_factory=dict)
    said: dict[Name, str] = field(default_factory=dict)
    late: list[Name] = field(default_factory=list)
    measured: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> Memory:
        """Read a cursor; one that is none of ours is forgotten."""
        try:
            found = json.loads(cursor or "{}")
            return cls(
                {_name(name): Seen(*each) for name, each in found["seen"].items()},
                {_name(name): each for name, each in found["said"].items()},
                [_name(each) for each in found["late"]],
                int(found["measured"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def write(self) -> str:
        """Write the cursor."""
        document = {
            "seen": {
                ".".join(name): [each.entry, each.version, each.read_at]
                for name, each in self.seen.items()
            },
            "said": {".".join(name): each for name, each in self.said.items()},
            "late": [".".join(name) for name in self.late],
            "measured": self.measured,
        }
        return json.dumps(document, separators=(",", ":"))


def _name(text: str) -> Name:
    database, _, table = text.partition(".")
    return database, table
