"""Which rule has a call: conditions, counters, chance by seed. Effects belong to ``injector``."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localaws.core.faults.plan import Plan, Rule
    from localaws.core.http import Request
    from localaws.core.provider import Call

_MOST_IDENTITIES = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call about to be performed.

    Attributes:
        call: Who calls what.
        model: botocore's OperationModel.
        parameters: Of the call, by member name.
        access_key: What it is signed with.
        request: As it came.
    """

    call: Call
    model: Any
    parameters: dict[str, Any]
    access_key: str
    request: Request


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that has a call.

    Attributes:
        rule: The rule.
        number: Which of the rule's matching calls it is, from 1.
        identity: Digest of the request if the rule counts by request, else empty.
    """

    rule: Rule
    number: int
    identity: str


@dataclass(slots=True)
class _Count:
    matched: int = 0
    injected: int = 0
    by_identity: OrderedDict[str, int] = field(default_factory=OrderedDict)


class Matcher:
    """A plan's rules with their counters."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._counts = [_Count() for _ in plan.rules]

    def decide(self, wanted: Wanted, seconds: float) -> Hit | None:
        """Count a call at every rule it matches; return the first rule that has it.

        Args:
            wanted: The call.
            seconds: Since the plan was set.
        """
        matching = [
            (rule, count)
            for rule, count in zip(self._plan.rules, self._counts, strict=True)
            if _matches(rule, wanted, seconds)
        ]
        if not matching:
            return None
        identity = _identity(wanted) if _need_identity(matching) else ""
        with self._lock:
            hits = [self._count(rule, count, identity) for rule, count in matching]
            for (rule, count), hit in zip(matching, hits, strict=True):
                spent = rule.limit is not None and count.injected >= rule.limit
                if not spent and self._chooses(rule, hit):
                    count.injected += 1
                    return hit
        return None

    def give_back(self, rule: Rule) -> None:
        """Note that a chosen call was performed as usual after all."""
        with self._lock:
            self._counts[self._plan.rules.index(rule)].injected -= 1

    def counters(self) -> list[dict[str, Any]]:
        """Return, for each rule, how many calls matched and how many were given a fault."""
        with self._lock:
            return [
                {"rule": rule.name, "matched": count.matched, "injected": count.injected}
                for rule, count in zip(self._plan.rules, self._counts, strict=True)
            ]

    def chance(self, hit: Hit, salt: str = "") -> float:
        """Return a number in [0, 1) that depends on seed, rule and call only."""
        text = f"{self._plan.seed}\0{hit.rule.name}\0{hit.number}\0{hit.identity}\0{salt}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64

    def _chooses(self, rule: Rule, hit: Hit) -> bool:
        number = hit.number
        if rule.calls and number not in rule.calls:
            return False
        if rule.first is not None and number > rule.first:
            return False
        if rule.every is not None and number % rule.every:
            return False
        return rule.probability is None or self.chance(hit) < rule.probability

    @staticmethod
    def _count(rule: Rule, count: _Count, identity: str) -> Hit:
        count.matched += 1
        if rule.count_by == "order":
            return Hit(rule, count.matched, "")
        seen = count.by_identity
        seen[identity] = seen.get(identity, 0) + 1
        seen.move_to_end(identity)
        if len(seen) > _MOST_IDENTITIES:
            seen.popitem(last=False)
        return Hit(rule, seen[identity], identity)


def texts_at(value: Any, path: Sequence[str]) -> Iterator[str]:
    """Yield the values at a dotted member name as text; lists are looked through."""
    if isinstance(value, list):
        for item in value:
            yield from texts_at(item, path)
    elif path and isinstance(value, dict):
        yield from texts_at(value.get(path[0]), path[1:])
    elif not path and isinstance(value, str | int | float):
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _matches(rule: Rule, wanted: Wanted, seconds: float) -> bool:
    call = wanted.call
    if wanted.request.internal and not rule.internal:
        return False
    if seconds < rule.after or (rule.until is not None and seconds >= rule.until):
        return False
    named = (
        (call.service, rule.service),
        (call.operation, rule.operation),
        (call.account_id, rule.account),
        (call.principal_arn, rule.caller),
    )
    if not all(glob == "*" or fnmatch.fnmatchcase(text, glob) for text, glob in named):
        return False
    if rule.effect.kind == "expire_credentials" and not wanted.access_key.startswith("ASIA"):
        return False  # only sessions expire
    if rule.resource != "*" and not _any(wanted.parameters.values(), rule.resource):
        return False
    return all(
        _any(texts_at(wanted.parameters, name.split(".")), glob) for name, glob in rule.parameters
    )


def _any(values: Any, glob: str) -> bool:
    return any(isinstance(value, str) and fnmatch.fnmatchcase(value, glob) for value in values)


def _need_identity(matching: list[tuple[Rule, _Count]]) -> bool:
    return any(rule.count_by == "request" for rule, _ in matching)


def _identity(wanted: Wanted) -> str:
    # A client token is drawn at random by the client: it would make equal requests differ.
    shape = wanted.model.input_shape
    tokens = set() if shape is None else {n for n, m in shape.members.items() if _is_token(m)}
    told = {name: value for name, value in wanted.parameters.items() if name not in tokens}
    call = wanted.call
    text = json.dumps(
        [call.service, call.operation, call.account_id, call.region, told],
        sort_keys=True,
        default=lambda value: (
            hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)
        ),
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _is_token(member: Any) -> bool:
    return bool(member.metadata.get("idempotencyToken")) or member.name == "ClientRequestToken"
