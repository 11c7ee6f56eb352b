"""Faults carried out on a call: before it, instead of it, or after it took effect.

Which calls are chosen belongs to ``matching``, how a plan comes here to ``doors``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from localaws.core.accounts import expired
from localaws.core.errors import ServiceError
from localaws.core.faults import answers
from localaws.core.faults.matching import Matcher
from localaws.core.faults.partial import partial_operations, perform_partly
from localaws.core.faults.stale import Memory, is_read
from localaws.core.http import ConnectionDropped, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.faults.matching import Hit, Wanted
    from localaws.core.faults.plan import Plan
    from localaws.core.http import Request

    Perform = Callable[[dict[str, Any], Request], Response]

_log = logging.getLogger(__name__)

_MOST_LOGGED = 1_000


class Injector:
    """One plan at work, from when it was set until it is replaced or removed."""

    def __init__(self, plan: Plan, stopping: threading.Event) -> None:
        self.plan = plan
        self._stopping = stopping
        self._began = time.monotonic()
        self._matcher = Matcher(plan)
        lags = any(rule.effect.kind == "stale" for rule in plan.rules)
        self._memory = Memory() if lags else None
        self._expired: set[str] = set()
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=_MOST_LOGGED)

    def around(self, wanted: Wanted, perform: Perform) -> Response:
        """Perform a call, or what the plan orders in its place.

        Raises:
            ServiceError: The service's answer, or the ordered one.
            ConnectionDropped: The client gets no answer.
        """
        if wanted.access_key in self._expired:
            raise expired(wanted.model.service_model.resolved_protocol)
        hit = self._matcher.decide(wanted, time.monotonic() - self._began)
        if hit is None:
            return self._usual(wanted, perform)
        handle = getattr(self, f"_{hit.rule.effect.kind}")
        response: Response = handle(hit, wanted, perform)
        return response

    def report(self) -> dict[str, Any]:
        """Return the plan, its rules' counters, and the newest injected faults, oldest first."""
        with self._lock:
            entries = list(self._entries)
        return {
            "source": self.plan.source,
            "seed": self.plan.seed,
            "plan": self.plan.text,
            "counters": self._matcher.counters(),
            "injected": entries,
        }

    def _usual(self, wanted: Wanted, perform: Perform) -> Response:
        if self._memory is None or wanted.request.internal:
            return perform(wanted.parameters, wanted.request)
        try:
            answer = perform(wanted.parameters, wanted.request)
        except ServiceError as error:
            self._memory.record(wanted, error)
            raise
        self._memory.record(wanted, answer)
        return answer

    def _throttle(self, hit: Hit, wanted: Wanted, _: Perform) -> Response:
        self._note(hit, wanted)
        raise answers.throttled(wanted.model)

    def _error(self, hit: Hit, wanted: Wanted, _: Perform) -> Response:
        self._note(hit, wanted)
        raise answers.ordered_error(wanted.model, hit.rule.effect)

    def _timeout(self, hit: Hit, wanted: Wanted, _: Perform) -> Response:
        self._note(hit, wanted)
        raise ConnectionDropped(after_seconds=hit.rule.effect.seconds)

    def _delay(self, hit: Hit, wanted: Wanted, perform: Perform) -> Response:
        self._note(hit, wanted)
        self._stopping.wait(hit.rule.effect.seconds)
        return self._usual(wanted, perform)

    def _drop_before(self, hit: Hit, wanted: Wanted, _: Perform) -> Response:
        self._note(hit, wanted)
        raise ConnectionDropped

    def _lose_response(self, hit: Hit, wanted: Wanted, perform: Perform) -> Response:
        self._note(hit, wanted, lost=self._outcome(wanted, perform))
        raise ConnectionDropped

    def _server_error(self, hit: Hit, wanted: Wanted, perform: Perform) -> Response:
        lost = self._outcome(wanted, perform) if hit.rule.effect.performed else "not performed"
        self._note(hit, wanted, lost=lost)
        raise answers.server_error(wanted.model, hit.rule.effect.status)

    def _expire_credentials(self, hit: Hit, wanted: Wanted, _: Perform) -> Response:
        self._note(hit, wanted)
        self._expired.add(wanted.access_key)
        raise expired(wanted.model.service_model.resolved_protocol)

    def _stale(self, hit: Hit, wanted: Wanted, perform: Perform) -> Response:
        hides = is_read(wanted.call.operation) and self._memory is not None
        answer = self._memory.hide(wanted, hit.rule.effect) if hides and self._memory else None
        if answer is None:
            self._matcher.give_back(hit.rule)
            return self._usual(wanted, perform)
        self._note(hit, wanted)
        if isinstance(answer, ServiceError):
            raise answer
        headers = answer.headers | {"x-amzn-RequestId": wanted.call.request_id}
        return Response(answer.status, answer.body, headers)

    def _partial(self, hit: Hit, wanted: Wanted, perform: Perform) -> Response:
        pair = (wanted.call.service, wanted.call.operation)
        if not partial_operations(*pair):
            self._matcher.give_back(hit.rule)
            return self._usual(wanted, perform)
        answer, failed = perform_partly(
            pair,
            wanted.request,
            wanted.parameters,
            lambda number: self._matcher.chance(hit, str(number)),
            hit.rule.effect.fraction,
            perform,
        )
        self._note(hit, wanted, failed=failed)
        return answer

    def _outcome(self, wanted: Wanted, perform: Perform) -> str:
        try:
            return f"HTTP {self._usual(wanted, perform).status}"
        except ServiceError as error:
            return error.code

    def _note(self, hit: Hit, wanted: Wanted, **more: Any) -> None:
        call = wanted.call
        entry = {
            "time": round(time.time(), 3),
            "rule": hit.rule.name,
            "effect": hit.rule.effect.kind,
            "number": hit.number,
            "service": call.service,
            "operation": call.operation,
            "account": call.account_id,
            "caller": call.principal_arn,
            "request_id": call.request_id,
            **more,
        }
        with self._lock:
            self._entries.append(entry)
        _log.info("fault %s on %s:%s (%s)", *[entry[k] for k in _LOGGED])


_LOGGED = ("effect", "service", "operation", "rule")
