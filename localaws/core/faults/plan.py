"""A fault plan as frozen values. Reading one belongs to ``reading``, deciding to ``matching``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "throttle",
    "error",
    "timeout",
    "delay",
    "drop_before",
    "lose_response",
    "server_error",
    "expire_credentials",
    "stale",
    "partial",
]


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to a chosen call.

    Attributes:
        kind: Which fault.
        seconds: How long a ``timeout`` stays silent, a ``delay`` waits, a ``stale`` read lags.
        calls: How many reads a write stays hidden from at most; None: as many as fit in time.
        code: The error code of an ``error``, or of a ``stale`` read of what is hidden.
        message: The message of an ``error``.
        status: HTTP status of a ``server_error``, 500 or 503.
        performed: Whether a ``server_error`` comes after the operation took effect.
        fraction: The share of entries a ``partial`` leaves undone; at least one is.
    """

    kind: Kind
    seconds: float = 0
    calls: int | None = None
    code: str = ""
    message: str = ""
    status: int = 500
    performed: bool = False
    fraction: float = 0.5


@dataclass(frozen=True, slots=True)
class Rule:
    """Which calls an effect is for; every condition given must hold.

    Attributes:
        name: Unique in its plan; part of what the seed decides by.
        effect: What happens.
        service, operation, account, caller, resource: Globs. ``caller`` is the principal's ARN,
            ``resource`` any text among the call's parameters at their top level.
        parameters: Dotted member names and globs of their values.
        internal: Whether calls of our own providers among each other count as well.
        count_by: ``order`` counts all calls that match; ``request`` counts each distinct request
            (service, operation, account and parameters without client tokens) by itself.
        calls: Which calls by number, from 1.
        first: The first so many calls.
        every: Each so-manieth call.
        probability: Chance of each call, decided by the seed.
        limit: So many faults at most.
        after, until: Window in seconds since the plan was set.
    """

    name: str
    effect: Effect
    service: str = "*"
    operation: str = "*"
    account: str = "*"
    caller: str = "*"
    resource: str = "*"
    parameters: tuple[tuple[str, str], ...] = ()
    internal: bool = False
    count_by: Literal["order", "request"] = "order"
    calls: tuple[int, ...] = ()
    first: int | None = None
    every: int | None = None
    probability: float | None = None
    limit: int | None = None
    after: float = 0
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All rules in order: the first that chooses a call has it.

    Attributes:
        rules: The rules.
        seed: What every decision by chance is derived from.
        text: The plan as it was given.
        source: Where it came from, for messages.
    """

    rules: tuple[Rule, ...]
    seed: int
    text: str
    source: str
