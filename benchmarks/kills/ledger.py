"""What the project asked of AWS, and what AWS acknowledged: every call, in order.

Requests are read with the embedded AWS's own parser, answers with botocore's. What a call promises
belongs to facts.py.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from localaws.core.accounts import DEFAULT_ACCOUNT, scope_of
from localaws.core.errors import ServiceError
from localaws.core.http import Request
from localaws.core.parsing import parse
from localaws.core.routing import route

if TYPE_CHECKING:
    from benchmarks.kills.proxy import Answered, Asked
    from localaws.core.routing import Route

_READS = ("Get", "List", "Describe", "Head", "BatchGet", "Select", "Assume", "Invoke", "Poll")
_FIRST_ERROR = 300


@dataclass(slots=True)
class Call:
    """One call that may change something.

    Attributes:
        begin: Its place in the order in which calls began; ``end`` likewise, once it has ended.
        outcome: ``open``, ``acknowledged``, ``refused`` (an error was the answer) or ``lost``.
        answer: The answer's members, where it was acknowledged; ``_headers`` holds its headers.
    """

    begin: int
    service: str
    operation: str
    account: str
    region: str
    parameters: dict[str, Any] = field(repr=False)
    outcome: str = "open"
    end: int | None = None
    answer: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Return, for example, ``s3:PutObject``."""
        return f"{self.service}:{self.operation}"


class Ledger:
    """All calls that passed. Thread-safe."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.reads = 0
        self._clock = 0
        self._accounts: dict[str, str] = {}
        self._lock = threading.Lock()

    def begin(self, asked: Asked) -> tuple[Call | None, Route | None]:
        """Note that a call begins; None for one that only reads, or is no AWS call."""
        path, _, query = asked.target.partition("?")
        headers = {name.lower(): value for name, value in asked.headers}
        request = Request(asked.method, path, query, headers, asked.body)
        try:
            scope = scope_of(headers)
        except ServiceError:
            return None, None
        found = route(scope.signing_name, request)
        if found.model is None:
            return None, None
        if found.operation.startswith(_READS):
            self.reads += 1
            return None, found
        parameters = parse(found, request)
        if isinstance(parameters.get("Body"), bytes):
            parameters["Body"] = len(asked.body)
        account = self._account(scope.access_key)
        with self._lock:
            self._clock += 1
            call = Call(
                self._clock, found.service, found.operation, account, scope.region, parameters
            )
            self.calls.append(call)
        return call, found

    def acknowledge(self, call: Call | None, asked_for: Route | None, answer: Answered) -> None:
        """Note an answer that its client has received."""
        if asked_for is None:
            return
        if call is None:
            if asked_for.operation == "AssumeRole" and answer.status == 200:
                self._learn(_members(asked_for, answer))
            return
        members = _members(asked_for, answer) if answer.status < _FIRST_ERROR else {}
        self._finish(call, "acknowledged" if answer.status < _FIRST_ERROR else "refused", members)

    def lose(self, call: Call | None) -> None:
        """Note that a call's client has no answer."""
        if call is not None:
            self._finish(call, "lost", {})

    def acknowledged(self) -> list[Call]:
        """Return the calls whose success a client has seen, in the order in which they began."""
        with self._lock:
            return [call for call in self.calls if call.outcome == "acknowledged"]

    def _finish(self, call: Call, outcome: str, members: dict[str, Any]) -> None:
        with self._lock:
            self._clock += 1
            call.end, call.outcome, call.answer = self._clock, outcome, members

    def _account(self, access_key: str) -> str:
        if access_key.startswith("LOCALAWS"):
            return access_key[8:20]
        return self._accounts.get(access_key, DEFAULT_ACCOUNT)

    def _learn(self, answer: dict[str, Any]) -> None:
        account = answer["AssumedRoleUser"]["Arn"].split(":")[4]
        self._accounts[answer["Credentials"]["AccessKeyId"]] = account


def _members(asked_for: Route, answer: Answered) -> dict[str, Any]:
    headers = HeadersDict(answer.headers)
    if asked_for.model.has_streaming_output:
        return {"_headers": headers}
    document = {"status_code": answer.status, "headers": headers, "body": answer.body}
    protocol = asked_for.protocol
    members: dict[str, Any] = create_parser(protocol).parse(document, asked_for.model.output_shape)
    return members | {"_headers": headers}
