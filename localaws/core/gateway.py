"""One request from start to end: who asks, for what, who performs it, how it is answered.

Knowledge of any single service does not belong here; who may do what is core.authorization's.
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import ClientError

from localaws.core import long_poll, presigned
from localaws.core.accounts import scope_of
from localaws.core.allowed import is_allowed
from localaws.core.compression import decompressed
from localaws.core.errors import ServiceError, as_told, disk_full, not_implemented
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
    from localaws.core.authorization.authorizer import Authorizer
    from localaws.core.faults.doors import Faults
    from localaws.core.guard import Guard
    from localaws.core.http import Request
    from localaws.core.passthrough import Moto
    from localaws.core.provider import Document, Provider

_log = logging.getLogger(__name__)

_HOSTS = frozenset({"127.0.0.1", "localhost"})
_LONG_POLL = ("sqs", "ReceiveMessage")


class Gateway:
    """Answers every AWS request of a server."""

    def __init__(
        self,
        accounts: Accounts,
        moto: Moto,
        providers: Mapping[str, Provider],
        guards: Mapping[str, Guard],
        authorizer: Authorizer,
        faults: Faults,
        problem: Callable[[], tuple[str, list[str]]],
    ) -> None:
        self._authorizer = authorizer
        self._accounts = accounts
        self._problem = problem
        self._moto = moto
        self._providers = providers
        self._guards = guards
        self._faults = faults

    def handle(
        self, request: Request, caller: Caller | None = None, *, judged: bool = True
    ) -> Response:
        """Answer a request; whatever happens, in AWS's shape.

        ``caller`` is given where a provider asks in another's name; else the signature says who.
        Only the authorizer's own questions, and guards', are not ``judged``.

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
            token = request.headers.get("x-amz-security-token")
            caller = caller or self._accounts.caller(scope.access_key, token, asked.protocol)
            call = _call(asked, scope, caller, request, request_id)
            return self._answer(asked, call, scope, request, judged=judged)
        except ServiceError as error:
            return serialize_error(asked or unread(request), error, request_id)
        except ConnectionDropped:
            raise
        except Exception as error:  # noqa: BLE001 - the last line: a client must get an AWS error, not HTML
            asked = asked or unread(request)
            return self._failed(asked, error, request_id)

    @staticmethod
    def _failed(asked: Route, error: Exception, request_id: str) -> Response:
        full = disk_full(error)
        if full is not None:
            return serialize_error(asked, full, request_id)
        _log.exception("%s:%s failed (request %s)", asked.service, asked.operation, request_id)
        if isinstance(error, RecursionError):
            return serialize_error(asked, too_deep(asked.protocol), request_id)
        failure = ServiceError(
            "InternalFailure",
            f"{asked.service}:{asked.operation} failed inside the embedded AWS; its log has "
            f"the traceback of request {request_id}.",
            status=500,
        )
        return serialize_error(asked, failure, request_id)

    def _answer(
        self, asked: Route, call: Call, scope: Scope, request: Request, *, judged: bool
    ) -> Response:
        method = self._find(self._providers, asked)
        if asked.model is None or not (method or is_allowed(asked.service, asked.operation)):
            raise not_implemented(asked.service, asked.operation)
        parameters = parse(asked, request)
        validate(asked.model, parameters)

        def perform(told: Document, sent: Request) -> Response:
            account_id = self._authorizer.check(call, told) if judged else call.account_id
            try:
                if method is not None:
                    return serialize_result(asked, method(call, told), call.request_id)
                return self._pass_on(asked, call, told, sent, account_id)
            finally:
                self._authorizer.changed(asked.service, asked.operation)

        if self._faults.active is None:
            response = perform(parameters, request)
        else:
            wanted = Wanted(call, asked.model, parameters, scope.access_key, request)
            response = self._faults.active.around(wanted, perform)
        if judged and method is None:
            self._authorizer.check_answer(call, parameters, response)
        return response

    def _pass_on(
        self, asked: Route, call: Call, parameters: Document, request: Request, account_id: str
    ) -> Response:
        def ask(sent: Request) -> Response:
            return settled(
                asked,
                call.request_id,
                lambda: self._moto.call(asked.service, asked.operation, sent, account_id),
            )

        guard = self._find(self._guards, asked)
        waits = (asked.service, asked.operation) == _LONG_POLL
        if guard is not None:
            try:
                response: Response = guard(call, parameters, Passing(request, ask))
            except ClientError as error:
                raise as_told(error) from error
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
        problem, notes = self._problem()
        body = {
            "status": problem or "ok",
            "notes": notes,
            "providers": sorted(self._providers),
        }
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
        caller=caller,
    )
