"""Which baseline a champion is compared with, where somebody put another in its own's place.

Every choice is kept, newest last, so that undoing one brings back the one before. A choice holds
for the version that was champion when it was made: the next one brings a baseline of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from resources.errors import Missing, Terminal

if TYPE_CHECKING:
    from resources.objects import Objects

_FIELDS = frozenset({"uri", "version", "by", "at", "reason"})


@dataclass(frozen=True, slots=True)
class Override:
    """One choice.

    Attributes:
        uri: The baseline's S3 URI.
        version: The champion it holds for.
        by: Who made it.
        at: When (ISO, UTC).
        reason: Where the baseline came from, or why.
    """

    uri: str
    version: int
    by: str
    at: str
    reason: str


class BaselineOverrides:
    """The choices for one use case.

    Args:
        artifacts: The artifact bucket.
        use_case: Its name.
    """

    def __init__(self, artifacts: Objects, use_case: str) -> None:
        self._artifacts = artifacts
        self._key = f"baselines/{use_case}/overrides.json"

    def of(self, version: int) -> Override | None:
        """Return what holds for a version; None where its own baseline does."""
        found = self._read()
        return found[-1] if found and found[-1].version == version else None

    def put(self, override: Override) -> None:
        """Let a choice hold from now on; made again, it changes nothing."""
        found = self._read()
        if not found or (found[-1].uri, found[-1].version) != (override.uri, override.version):
            self._write([*found, override])

    def undo(self, version: int) -> Override:
        """Take back the newest choice for a version and return it.

        Raises:
            Terminal: There is none.
        """
        found = self._read()
        if not found or found[-1].version != version:
            raise Terminal(
                f"Version {version} is compared with its own baseline: there is nothing to undo."
            )
        self._write(found[:-1])
        return found[-1]

    def _read(self) -> list[Override]:
        try:
            found = self._artifacts.get_json(self._key)
        except Missing:
            return []
        if not isinstance(found, list) or any(set(each) != _FIELDS for each in found):
            raise Terminal(
                f"{self._artifacts.uri(self._key)} is no list of baseline overrides; expected "
                f"objects of {', '.join(sorted(_FIELDS))}. Mend it, or delete it to compare with "
                "the champion's own baseline."
            )
        return [Override(**each) for each in found]

    def _write(self, overrides: list[Override]) -> None:
        self._artifacts.put_json(self._key, [asdict(each) for each in overrides])


def baseline_uri(artifacts: Objects, use_case: str, version: int, own: str | None) -> str | None:
    """Return the S3 URI of the baseline a champion is compared with: the override, or its own."""
    override = BaselineOverrides(artifacts, use_case).of(version)
    return own if override is None else override.uri
