"""A person's wish that a model be trained, kept in S3 until a training has answered it.

One object per wish, so that asking, answering and taking back cannot overwrite each other. Whether
a wish is answered does not belong here (decisions.triggers).
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from resources.errors import Missing, Terminal

if TYPE_CHECKING:
    from resources.objects import Objects

_PREFIX = "wishes/"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for; ``at`` is naive UTC."""

    key: str
    reason: str
    by: str
    at: datetime


def ask(objects: Objects, use_case: str, *, reason: str, by: str, at: datetime) -> Wish:
    """Keep a wish; asking again at the same moment changes nothing."""
    key = f"{_PREFIX}{use_case}/{at:%Y%m%dT%H%M%S%f}.json"
    document = {"reason": reason, "by": by, "at": at.isoformat()}
    objects.put_if_absent(key, json.dumps(document, sort_keys=True).encode())
    return Wish(key, reason, by, at)


def cancel(objects: Objects, use_case: str) -> int:
    """Take back every wish for a use case and say how many there were."""
    return objects.delete_prefix(f"{_PREFIX}{use_case}/")


def forget(objects: Objects, wish: Wish) -> None:
    """Remove a wish that was answered."""
    objects.delete_prefix(wish.key)


def keys(objects: Objects) -> dict[str, tuple[str, ...]]:
    """Return the keys of all wishes by use case, oldest first: one call for all of them."""
    found: dict[str, list[str]] = defaultdict(list)
    for facts in objects.list(_PREFIX):
        found[facts.key.removeprefix(_PREFIX).partition("/")[0]].append(facts.key)
    return {use_case: tuple(each) for use_case, each in found.items()}


def read(objects: Objects, listed: tuple[str, ...]) -> tuple[Wish, ...]:
    """Return wishes by their keys; one that was taken back meanwhile is left out.

    Raises:
        Terminal: One is not what ``ask`` writes; the message names it.
    """
    found = []
    for key in listed:
        try:
            document = objects.get_json(key)
            at = datetime.fromisoformat(document["at"])
            found.append(Wish(key, str(document["reason"]), str(document["by"]), at))
        except Missing:
            continue
        except (KeyError, TypeError, ValueError) as error:
            raise Terminal(
                f"{objects.uri(key)} is no wish ({error}); expected JSON with reason, by and at. "
                "Remove it: perennial retrain MODEL --cancel."
            ) from error
    return tuple(found)
