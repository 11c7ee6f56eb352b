"""Calls on record made again, and whether they were answered as the first time.

Which calls belongs to core.generations.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localaws.core.damage import DamagedError
from localaws.core.journal_file import digest_of
from localaws.core.pickling import private_key
from localaws.core.pinned import Pin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localaws.core.bodies import Bodies
    from localaws.core.http import Request
    from localaws.core.journal_file import Entry, Recorded
    from localaws.core.passthrough import Moto


@dataclass(slots=True)
class Replayed:
    """What came of a repetition.

    Attributes:
        diverged: Sequence number and operation of each call answered otherwise than before.
        lost: Calls that could not be made, because their bodies are damaged.
    """

    calls: int = 0
    diverged: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def replay(moto: Moto, entries: Iterable[Entry], bodies: Bodies, *, salvage: bool) -> Replayed:
    """Make calls again.

    Args:
        moto: In the state before the first of them.
        entries: The calls, in order.
        bodies: Has the large request bodies.
        salvage: Leave out a call whose body is damaged.

    Raises:
        DamagedError: A call's body is damaged.
    """
    done = Replayed()
    for entry in entries:
        name = f"{entry.seq} {entry.call.service}:{entry.call.operation}"
        request = _request(entry.call, bodies)
        if request is None:
            if not salvage:
                raise DamagedError(_missing(name, entry.call, bodies))
            done.lost.append(name)
            continue
        if not _same(moto, entry, request):
            done.diverged.append(name)
        done.calls += 1
    return done


def _same(moto: Moto, entry: Entry, request: Request) -> bool:
    call = entry.call
    keys = _Keys(entry.keys)
    pin = Pin(call.at, call.seed, keys.next, again=True)
    try:
        answer = digest_of(moto.perform(pin, call.service, request, call.account_id))
    except Exception:  # noqa: BLE001 - then it raised the first time too, and has no answer
        answer = b""
    if not entry.answer:
        return True  # nobody was told
    return answer == entry.answer and not keys.missing


class _Keys:
    def __init__(self, recorded: list[bytes]) -> None:
        self._left = list(recorded)
        self.missing = False

    def next(self, make: Callable[[], Any]) -> Any:
        if self._left:
            return private_key(self._left.pop(0))
        self.missing = True
        return make()


def _request(call: Recorded, bodies: Bodies) -> Request | None:
    if not call.body_digest:
        return call.request
    try:
        body = bodies.path(call.body_digest).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(body).hexdigest() != call.body_digest:
        return None
    return dataclasses.replace(call.request, body=body)


def _missing(name: str, call: Recorded, bodies: Bodies) -> str:
    return (
        f"{bodies.path(call.body_digest)}, the content sent with call {name} of the journal, is "
        "missing or damaged."
    )
