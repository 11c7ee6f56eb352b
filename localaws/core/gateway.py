"""One request from start to end: who asks, for what, who performs it, how it is answered.

Knowledge of any single service does not belong here, except who may assume a role (assume_role).
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING

from botocore import xform_name

from localaws.core import long_poll
from localaws.core.accounts import scope_of
from localaws.core.allowed import is_allowed
from localaws.core.errors import ServiceError, not_implemented
from localaws.core.http import Response
from localaws.core.parsing import parse
from localaws.core.provider import Call, Provider
from localaws.core.routing import Route, route
from localaws.core.serializing import serialize_error, serialize_result
from localaws.core.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localaws.core.accounts import Accounts, Caller, Scope
    from localaws.core.http import Request
    from localaws.core.passthrough import Moto

_log = logging.getLogger(__name__)

_HOSTS = frozenset({"127.0.0.1", "localhost"})
_LONG_POLL = ("sqs", "ReceiveMessage", "json")
_UNKNOWN = Route("localaws", "Unknown", None, "json")


class Gateway:
    """Answers every AWS request of a server."""

    def __init__(
        self,
        accounts: Accounts,
        moto: Moto,
        providers: Mapping[str, Provider],
        problem: Callable[[], str],
    ) -> None:
        self._accounts = accounts
        self._problem = problem
        self._moto = moto
        self._providers = providers

    def handle(self, request: Request) -> Response:
        """Answer a request; whatever happens, in AWS's shape."""
        request_id = str(uuid.uuid4())
        asked = _UNKNOWN
        try:
            _check_host(request)
            if request.path == "/_localaws/health":
                return self._health()
            scope = scope_of(request.headers)
            asked = route(scope.signing_name, request)
            return self._answer(asked, scope, request, request_id)
        except ServiceError as error:
            return serialize_error(asked, error, request_id)
        except Exception:  # noqa: BLE001 - the last line: a client must get an AWS error, not HTML
            _log.exception("%s:%s failed (request %s)", asked.service, asked.operation, request_id)
            failure = ServiceError(
                "InternalFailure",
                f"{asked.service}:{asked.operation} failed inside the embedded AWS; its log has "
                f"the traceback of request {request_id}.",
                status=500,
            )
            return serialize_error(asked, failure, request_id)

    def _answer(self, asked: Route, scope: Scope, request: Request, request_id: str) -> Response:
        token = request.headers.get("x-amz-security-token")
        caller = self._accounts.caller(scope.access_key, token, asked.protocol)
        provider = self._providers.get(asked.service)
        method = None
        if provider is not None and asked.model is not None:
            method = provider.find(xform_name(asked.operation))
        if method is not None:
            call = _call(asked, scope, caller, request, request_id)
            parameters = parse(asked, request)
            validate(asked.model, parameters)
            return serialize_result(asked, method(call, parameters), request_id)
        if asked.model is None or not is_allowed(asked.service, asked.operation):
            raise not_implemented(asked.service, asked.operation)
        return self._ask_moto(asked, caller, request, request_id)

    def _ask_moto(
        self, asked: Route, caller: Caller, request: Request, request_id: str
    ) -> Response:
        def ask(sent: Request) -> Response:
            return self._moto.call(asked.service, asked.operation, sent, caller.account_id)

        try:
            waits = (asked.service, asked.operation, asked.protocol) == _LONG_POLL
            response = long_poll.receive(ask, request) if waits else ask(request)
        except NotImplementedError as error:
            raise not_implemented(asked.service, asked.operation) from error
        response.headers.setdefault("x-amzn-RequestId", request_id)
        return response

    def _health(self) -> Response:
        problem = self._problem()
        body = {"status": problem or "ok", "providers": sorted(self._providers)}
        return Response(200, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _check_host(request: Request) -> None:
    # A web page whose name was made to resolve to 127.0.0.1 must not get at this server.
    host = request.headers.get("host", "").partition(":")[0]
    if host not in _HOSTS:
        raise ServiceError("AccessDenied", f"This server is not {host!r}", status=403)


def _call(asked: Route, scope: Scope, caller: Caller, request: Request, request_id: str) -> Call:
    return Call(
        service=asked.service,
        operation=asked.operation,
        account_id=caller.account_id,
        region=scope.region,
        request_id=request_id,
        principal_arn=caller.principal_arn,
        headers=request.headers,
    )
