"""Which service and which operation an HTTP request asks for, read from botocore's models.

Parameters do not belong here (parsing), nor who performs the operation (gateway).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.exceptions import UnknownServiceError

from localaws.core.limits import signing_name

if TYPE_CHECKING:
    from localaws.core.http import Request

#: Services that sign with another service's name; told apart by X-Amz-Target and path.
_SHARED_SIGNING_NAMES = {
    "sagemaker": (
        "sagemaker",
        "sagemaker-runtime",
        "sagemaker-featurestore-runtime",
        "sagemaker-metrics",
    ),
    "monitoring": ("cloudwatch",),
}


@dataclass(frozen=True, slots=True)
class Route:
    """What a request asks for.

    Attributes:
        service: botocore's service name, or the signing name if botocore knows no such service.
        operation: The operation's name, for example ``DescribeEndpoint``; best effort if unknown.
        model: botocore's OperationModel; None if the service has no such operation.
        protocol: The protocol the request is written in.
        uri_parameters: Values of the path's placeholders, decoded.
    """

    service: str
    operation: str
    model: Any
    protocol: str
    uri_parameters: dict[str, str] = field(default_factory=dict)


def route(signing_name: str, request: Request) -> Route:
    """Find the operation a request signed for ``signing_name`` asks for."""
    target = request.headers.get("x-amz-target", "")
    candidates = _SHARED_SIGNING_NAMES.get(signing_name, (signing_name,))
    for service in candidates:
        found = _route_within(service, target, request)
        if found is not None:
            return found
    return Route(
        candidates[0],
        _guess_operation(target, request),
        None,
        _protocol_of(candidates[0]) or _guess_protocol(target, request),
    )


def unread(request: Request) -> Route:
    """Return where a request was bound that is not signed or cannot be read, as far as it shows."""
    name = signing_name(request.headers.get("authorization", ""))
    service = _SHARED_SIGNING_NAMES.get(name, (name,))[0]
    target = request.headers.get("x-amz-target", "")
    protocol = _protocol_of(service) or _guess_protocol(target, request)
    return Route(service or "localaws", _guess_operation(target, request), None, protocol)


def _protocol_of(service: str) -> str:
    model = service_model(service) if service else None
    return model.resolved_protocol if model is not None else ""


@functools.cache
def service_model(service: str) -> Any:
    """Return botocore's ServiceModel, or None if botocore knows no such service."""
    try:
        return _session().get_service_model(service)
    except UnknownServiceError:
        return None


@functools.cache
def _session() -> Any:
    return botocore.session.Session()


def _route_within(service: str, target: str, request: Request) -> Route | None:
    model = service_model(service)
    if model is None:
        return None
    if target:
        prefix, _, operation = target.rpartition(".")
        if prefix != model.metadata.get("targetPrefix") or operation not in model.operation_names:
            return None
        return Route(service, operation, model.operation_model(operation), "json")
    # Python's client speaks JSON where a model lists CBOR first; resolved_protocol says so too.
    protocol = model.resolved_protocol
    if protocol in {"query", "ec2"}:
        action = _action(request)
        if action not in model.operation_names:
            return None
        return Route(service, action, model.operation_model(action), protocol)
    return _rest_route(service, protocol, request) if protocol.startswith("rest-") else None


def _rest_route(service: str, protocol: str, request: Request) -> Route | None:
    query = parse_qs(request.query, keep_blank_values=True)
    for rule in _rest_rules(service):
        parameters = rule.match(request.method, request.path, query, request.headers)
        if parameters is not None:
            return Route(service, rule.operation.name, rule.operation, protocol, parameters)
    return None


@dataclass(frozen=True, slots=True)
class _RestRule:
    operation: Any
    method: str
    pattern: re.Pattern[str]
    fixed_query: dict[str, str]
    required_query: frozenset[str]
    required_headers: frozenset[str]

    def match(
        self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str]
    ) -> dict[str, str] | None:
        if method != self.method:
            return None
        found = self.pattern.fullmatch(path)
        if found is None or not self.required_query <= query.keys():
            return None
        if not self.required_headers <= headers.keys():
            return None
        if any(query.get(name, [""])[0] != value for name, value in self.fixed_query.items()):
            return None
        names = _placeholders(self.operation)
        return {name: unquote(value) for name, value in zip(names, found.groups(), strict=True)}


@functools.cache
def _rest_rules(service: str) -> tuple[_RestRule, ...]:
    model = service_model(service)
    rules = [_rest_rule(model.operation_model(name)) for name in model.operation_names]
    # The most demanding rule first, so that PUT /{Bucket}?tagging is not taken for CreateBucket.
    # Deprecated names of the same request come last: no client sends them.
    rules.sort(key=lambda rule: (not rule.operation.deprecated, _demands(rule)), reverse=True)
    return tuple(rules)


def _demands(rule: _RestRule) -> tuple[int, int, int]:
    literal = len(rule.operation.http["requestUri"]) - sum(map(len, _placeholders(rule.operation)))
    return (
        len(rule.fixed_query) + len(rule.required_query) + len(rule.required_headers),
        literal,
        -len(_placeholders(rule.operation)),
    )


def _rest_rule(operation: Any) -> _RestRule:
    uri, _, fixed = operation.http["requestUri"].partition("?")
    members = operation.input_shape.members if operation.input_shape else {}
    required = set(operation.input_shape.required_members) if operation.input_shape else set()

    def located(place: str) -> frozenset[str]:
        return frozenset(
            shape.serialization.get("name", name)
            for name, shape in members.items()
            if name in required and shape.serialization.get("location") == place
        )

    fixed_query = {k: v[0] for k, v in parse_qs(fixed, keep_blank_values=True).items()}
    return _RestRule(
        operation,
        operation.http["method"],
        _path_pattern(uri),
        fixed_query,
        located("querystring") | fixed_query.keys(),
        frozenset(name.lower() for name in located("header")),
    )


def _placeholders(operation: Any) -> list[str]:
    path = operation.http["requestUri"].partition("?")[0]
    return re.findall(r"\{([^}+]+)\+?\}", path)


def _path_pattern(uri: str) -> re.Pattern[str]:
    pattern = ""
    for part in re.split(r"(\{[^}]+\})", uri):
        if part.startswith("{"):
            pattern += "(.+)" if part.endswith("+}") else "([^/]+)"
        else:
            pattern += re.escape(part)
    return re.compile(pattern.rstrip("/") + "/?")


def _action(request: Request) -> str:
    for source in (request.query, request.body.decode("utf-8", "replace")):
        values = parse_qs(source).get("Action")
        if values:
            return values[0]
    return ""


def _guess_operation(target: str, request: Request) -> str:
    if target:
        return target.rpartition(".")[2]
    return _action(request) or f"{request.method} {request.path}"


def _guess_protocol(target: str, request: Request) -> str:
    if target:
        return "json"
    if _action(request):
        return "query"
    # Only S3 wants the digest of the body in a header.
    is_xml = request.headers.get("content-type", "").endswith("/xml")
    return "rest-xml" if is_xml or "x-amz-content-sha256" in request.headers else "rest-json"
