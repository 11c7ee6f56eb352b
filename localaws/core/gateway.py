"""One request from start to end: who asks, for what, who performs it, how it is answered.

Knowledge of any single service does not belong here, except who may assume a role (assume_role).
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from localaws.core import long_poll, presigned
from localaws.core.accounts import scope_of
from localaws.core.allowed import is_allowed
from localaws.core.compression import decompressed
from localaws.core.errors import ServiceError, not_implemented
from localaws.core.faults.matching import Wanted
from localaws.core.guard import Passing
from localaws.core.http import ConnectionDropped, Response
from localaws.core.moto_answers import settled
from localaws.core.parsing import parse, too_deep
from localaws.core.provider import Call
from localaws.core.routing import Route, route, unread
from localaws.core.serializing import serialize_error, serialize_result
from localaws.core.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localaws.core.accounts import Accounts, Caller, Scope
    from localaws.core.faults.doors import Faults
    from localaws.core.guard import Guard
    from localaws.core.http import Request
    from localaws.core.passthrough import Moto
    from localaws.core.provider import Document, Provider

_log = logging.getLogger(__name__)

_HOSTS = frozenset({"127.0.0.1", "localhost"})
_LONG_POLL = ("sqs", "ReceiveMessage", "json")


class Gateway:
    """Answers every AWS request of a server."""

    def __init__(
        self,
        accounts: Accounts,
        moto: Moto,
        providers: Mapping[str, Provider],
        guards: Mapping[str, Guard],
        faults: Faults,
        problem: Callable[[], str],
    ) -> None:
        self._accounts = accounts
        self._problem = problem
        self._moto = moto
        self._providers = providers
        self._guards = guards
        self._faults = faults

    def handle(self, request: Request) -> Response:
        """Answer a request; whatever happens, in AWS's shape.

        Raises:
            ConnectionDropped: A fault plan orders no answer at all.
        """
        request_id = str(uuid.uuid4())
        asked: Route | None = None
        try:
            _check_host(request)
            if presigned.is_presigned(request):
                asked = presigned.ROUTE
                request = presigned.unwrapped(request)
            if request.path == "/_localaws/health":
                return self._health()
            if request.path == self._faults.PATH:
                return self._faults.answer(request)
            scope = scope_of(request.headers)
            asked = route(scope.signing_name, request)
            if "content-encoding" in request.headers:
                request = decompressed(asked.protocol, request)
            return self._answer(asked, scope, request, request_id)
        except ServiceError as error:
            return serialize_error(asked or unread(request), error, request_id)
        except ConnectionDropped:
            raise
        except RecursionError:
            asked = asked or unread(request)
            _log.exception(
                "%s:%s recursed (request %s)", asked.service, asked.operation, request_id
            )
            return serialize_error(asked, too_deep(asked.protocol), request_id)
        except Exception:  # noqa: BLE001 - the last line: a client must get an AWS error, not HTML
            asked = asked or unread(request)
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
        method = self._find(self._providers, asked)
        if asked.model is None or not (method or is_allowed(asked.service, asked.operation)):
            raise not_implemented(asked.service, asked.operation)
        call = _call(asked, scope, caller, request, request_id)
        parameters = parse(asked, request)
        validate(asked.model, parameters)

        def perform(told: Document, sent: Request) -> Response:
            if method is not None:
                return serialize_result(asked, method(call, told), request_id)
            return self._pass_on(asked, call, told, sent)

        if self._faults.active is None:
            return perform(parameters, request)
        wanted = Wanted(call, asked.model, parameters, scope.access_key, request)
        return self._faults.active.around(wanted, perform)

    def _pass_on(
        self, asked: Route, call: Call, parameters: Document, request: Request
    ) -> Response:
        def ask(sent: Request) -> Response:
            return settled(
                asked,
                call.request_id,
                lambda: self._moto.call(asked.service, asked.operation, sent, call.account_id),
            )

        guard = self._find(self._guards, asked)
        waits = (asked.service, asked.operation, asked.protocol) == _LONG_POLL
        if guard is not None:
            response: Response = guard(call, parameters, Passing(request, ask))
        else:
            response = long_poll.receive(ask, request) if waits else ask(request)
        response.headers.setdefault("x-amzn-RequestId", call.request_id)
        return response

    @staticmethod
    def _find(holders: Mapping[str, Any], asked: Route) -> Any:
        holder = holders.get(asked.service)
        if holder is None or asked.model is None:
            return None
        return holder.find(xform_name(asked.operation))

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
