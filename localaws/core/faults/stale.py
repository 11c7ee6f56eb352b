"""Reads that lag behind: what was answered before, kept while a plan has a ``stale`` rule.

A stale read hides the newest write that concerns it. A write concerns a read of the same service
and region if every name the read gives (its required texts; without any, its other texts) is among
the write's texts: its parameters, the parts of ARNs in them, and, for services that speak JSON, its
answer. It is of the same account, or all those names are ARNs. Which reads are stale belongs to
``matching``.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from localaws.core.faults.answers import absent
from localaws.core.http import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.errors import ServiceError
    from localaws.core.faults.matching import Wanted
    from localaws.core.faults.plan import Effect

    Answer = Response | ServiceError

_READ = re.compile(r"(Get|List|Describe|Head|Search|BatchGet|BatchDescribe)[A-Z]")
_CREATES = re.compile(r"(Create|Put|Start|Register|Upload|Copy|Complete|Run|Publish)[A-Z]")
_LISTS = re.compile(r"(List|Search)[A-Z]|Describe\w+s$|Get\w+s$")
_PAGING = re.compile(r"Token|Marker|MaxResults|MaxKeys|Limit|Encoding|Sort", re.IGNORECASE)
_MOST_READS = 2_000
_MOST_WRITES = 2_000
_MOST_TEXTS = 500
_LARGEST_BODY = 1024 * 1024
_ANSWERS_PER_READ = 4


@dataclass(slots=True)
class _Write:
    at: float
    account_id: str
    creates: bool
    texts: frozenset[str]
    hidden_from: int = 0


def is_read(operation: str) -> bool:
    """Tell whether an operation, by its name, changes nothing."""
    return _READ.match(operation) is not None


class Memory:
    """Answers to reads and texts of writes, both bounded; the oldest are forgotten."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._reads: OrderedDict[str, list[tuple[float, Answer]]] = OrderedDict()
        self._writes: dict[tuple[str, str], deque[_Write]] = {}

    def record(self, wanted: Wanted, answer: Answer) -> None:
        """Note what was done: a read's answer, or a write that succeeded."""
        if is_read(wanted.call.operation):
            self._record_read(wanted, answer)
        elif isinstance(answer, Response) and answer.status < 400:  # noqa: PLR2004 - HTTP's own
            creates = _CREATES.match(wanted.call.operation) is not None
            texts = islice(_texts(wanted, answer), _MOST_TEXTS)
            write = _Write(self._now(), wanted.call.account_id, creates, frozenset(texts))
            with self._lock:
                self._writes.setdefault(_place(wanted), deque(maxlen=_MOST_WRITES)).append(write)

    def hide(self, wanted: Wanted, effect: Effect) -> Answer | None:
        """Return a read's answer without the newest write that concerns it.

        None: no write is recent enough, or nothing is known of the time before it.
        """
        names = _names(wanted)
        with self._lock:
            write = self._newest(wanted, names)
            if write is None or self._now() - write.at > effect.seconds:
                return None
            if effect.calls is not None and write.hidden_from >= effect.calls:
                return None
            answer = self._before(_key(wanted), write.at)
            if answer is None and write.creates and not _LISTS.match(wanted.call.operation):
                answer = absent(wanted.model, effect.code, " ".join(sorted(names)))
            if answer is not None:
                write.hidden_from += 1
            return answer

    def _record_read(self, wanted: Wanted, answer: Answer) -> None:
        if isinstance(answer, Response) and len(answer.body) > _LARGEST_BODY:
            return
        key = _key(wanted)
        with self._lock:
            answers = self._reads.setdefault(key, [])
            answers.append((self._now(), answer))
            del answers[:-_ANSWERS_PER_READ]
            self._reads.move_to_end(key)
            if len(self._reads) > _MOST_READS:
                self._reads.popitem(last=False)

    def _newest(self, wanted: Wanted, names: frozenset[str]) -> _Write | None:
        anywhere = bool(names) and all(name.startswith("arn:") for name in names)
        for write in reversed(self._writes.get(_place(wanted), ())):
            here = anywhere or write.account_id == wanted.call.account_id
            if here and names <= write.texts:
                return write
        return None

    def _before(self, key: str, moment: float) -> Answer | None:
        for at, answer in reversed(self._reads.get(key, ())):
            if at < moment:
                return answer
        return None


def _place(wanted: Wanted) -> tuple[str, str]:
    return (wanted.call.service, wanted.call.region)


def _key(wanted: Wanted) -> str:
    told = json.dumps(wanted.parameters, sort_keys=True, default=str)
    return "\0".join((*_place(wanted), wanted.call.account_id, wanted.call.operation, told))


def _names(wanted: Wanted) -> frozenset[str]:
    shape = wanted.model.input_shape
    required = set() if shape is None else set(shape.required_members)
    texts = {n: v for n, v in wanted.parameters.items() if isinstance(v, str)}
    chosen = [v for n, v in texts.items() if n in required]
    return frozenset(chosen or [v for n, v in texts.items() if not _PAGING.search(n)])


def _texts(wanted: Wanted, answer: Response) -> Iterator[str]:
    yield from _strings(wanted.parameters)
    if answer.body[:1] == b"{":
        yield from _strings(json.loads(answer.body))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value.startswith("arn:"):
            yield from re.split(r"[:/]", value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
