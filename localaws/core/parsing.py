"""A request's parameters, read by botocore's input shapes.

Checking them does not belong here (validation).
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from botocore.utils import parse_timestamp

from localaws.core.errors import ServiceError
from localaws.core.query_protocol import parse_form
from localaws.core.values import from_text
from localaws.core.xml_protocol import parse_document

if TYPE_CHECKING:
    from localaws.core.http import Request
    from localaws.core.provider import Document
    from localaws.core.routing import Route

#: How JSON, which has no such numbers, spells them for AWS.
_NO_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(value: Any) -> Any:
    return _NO_NUMBERS.get(value, value) if isinstance(value, str) else value


_PLAIN = {"timestamp": parse_timestamp, "float": _number, "double": _number}

#: Headers whose value S3 reads in any case. AWS's own SDK for C++, hence Arrow, sends "enabled".
_FOLDED = frozenset({"x-amz-checksum-mode"})

#: The models' own recursion (Glue's and SageMaker's filters) is documented to far less.
_DEEPEST = 200


def parse(route: Route, request: Request) -> Document:
    """Return the request's parameters by member name, of the types boto3 would pass.

    Raises:
        ServiceError: The body or a value is not written as the protocol demands.
    """
    shape = route.model.input_shape
    if shape is None:
        return {}
    try:
        if route.protocol == "json":
            return _structure(shape, _json(request.body or b"{}"))
        if route.protocol == "query":
            return parse_form(shape, request.body, request.query)
        return _rest(shape, route, request)
    except RecursionError as error:
        raise too_deep(route.protocol) from error
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, OSError) as error:
        # OSError and OverflowError are what datetime says of a year that cannot be.
        raise ServiceError(_code(route), f"Cannot read the request: {error}") from error


def too_deep(protocol: str) -> ServiceError:
    """Return the error of a document whose nesting no service's model needs."""
    code = {"rest-xml": "MalformedXML", "query": "ValidationError"}.get(protocol)
    return ServiceError(code or "SerializationException", "The request is nested too deeply.")


def _code(route: Route) -> str:
    if route.protocol == "rest-xml":
        return "MalformedXML" if _has_document(route.model.input_shape) else "InvalidArgument"
    return "ValidationError" if route.protocol == "query" else "SerializationException"


def _has_document(shape: Any) -> bool:
    payload = shape.serialization.get("payload")
    return payload is not None and shape.members[payload].type_name == "structure"


def _json(body: bytes) -> Any:
    """Read JSON as AWS does: no NaN, no half surrogates, no nesting beyond any model's."""
    # Decoded here, because json takes UTF-16 and halves of surrogates for granted.
    value = json.loads(body.decode(), parse_constant=_no_constant, parse_float=_finite)
    if body.count(b"{") + body.count(b"[") > _DEEPEST and _is_deep(value):
        raise RecursionError
    if b"\\u" in body:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _rest(shape: Any, route: Route, request: Request) -> Document:
    parsed: Document = {}
    query = parse_qs(request.query, keep_blank_values=True)
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if location == "uri" and key in route.uri_parameters:
            parsed[name] = from_text(member, route.uri_parameters[key])
        elif location == "querystring" and key in query:
            parsed[name] = _from_query(member, query[key])
        elif location == "header" and key.lower() in request.headers:
            text = request.headers[key.lower()]
            parsed[name] = from_text(member, text.upper() if key.lower() in _FOLDED else text)
        elif location == "headers":
            prefixed = _prefixed(request.headers, key.lower())
            if prefixed:
                parsed[name] = prefixed
    return parsed | _rest_body(shape, request.body, route.protocol)


def _rest_body(shape: Any, body: bytes, protocol: str) -> Document:
    payload = shape.serialization.get("payload")
    if payload is None:
        unbound = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
        return _members(unbound, _json(body)) if body and unbound else {}
    member = shape.members[payload]
    if member.type_name == "blob":
        return {payload: body}
    if not body:
        return {}
    if member.type_name == "string":
        return {payload: body.decode()}
    if protocol == "rest-xml":
        return {payload: parse_document(member, body)}
    return {payload: _value(member, _json(body))}


def _structure(shape: Any, value: Any) -> Document:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object for {shape.name}, found {type(value).__name__}")
    return _members(shape.members, value)


def _members(members: dict[str, Any], value: dict[str, Any]) -> Document:
    parsed: Document = {}
    for name, member in members.items():
        found = value.get(member.serialization.get("name", name))
        if found is not None:
            parsed[name] = _value(member, found)
    return parsed


def _value(shape: Any, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure":
        # A document type is any JSON and is passed on as it is.
        return value if shape.is_document_type else _structure(shape, value)
    if kind == "list" and isinstance(value, list):
        return [_value(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _value(shape.value, item) for key, item in value.items()}
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    read = _PLAIN.get(kind)
    return value if read is None else read(value)


def _from_query(shape: Any, values: list[str]) -> Any:
    if shape.type_name == "list":
        return [from_text(shape.member, value) for value in values]
    return from_text(shape, values[0])


def _prefixed(headers: dict[str, str], prefix: str) -> dict[str, str]:
    return {k[len(prefix) :]: v for k, v in headers.items() if k.startswith(prefix)}
