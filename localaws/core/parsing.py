"""A request's parameters, read by botocore's input shapes.

Checking them does not belong here (validation).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
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

_LARGEST_INFLATED = 16 * 1024 * 1024
#: How JSON, which has no such numbers, spells them for AWS.
_NO_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(value: Any) -> Any:
    return _NO_NUMBERS.get(value, value) if isinstance(value, str) else value


_PLAIN = {"timestamp": parse_timestamp, "float": _number, "double": _number}


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
            return _structure(shape, json.loads(_body(route, request) or b"{}"))
        if route.protocol == "query":
            return parse_form(shape, request.body, request.query)
        return _rest(shape, route, request)
    except (ValueError, TypeError, AttributeError, KeyError, binascii.Error) as error:
        raise ServiceError("SerializationException", f"Cannot read the request: {error}") from error


def _body(route: Route, request: Request) -> bytes:
    # Clients compress what is large where the model allows it, as for PutMetricData.
    encoding = request.headers.get("content-encoding")
    if encoding != "gzip" or not route.model.request_compression:
        return request.body
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        body = inflater.decompress(request.body, _LARGEST_INFLATED)
    except zlib.error as error:
        raise ValueError(f"the body is not {encoding}: {error}") from error
    if inflater.unconsumed_tail:
        raise ValueError(f"the body inflates to more than {_LARGEST_INFLATED} bytes")
    return body


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
            parsed[name] = from_text(member, request.headers[key.lower()])
        elif location == "headers":
            prefixed = _prefixed(request.headers, key.lower())
            if prefixed:
                parsed[name] = prefixed
    return parsed | _rest_body(shape, request.body, route.protocol)


def _rest_body(shape: Any, body: bytes, protocol: str) -> Document:
    payload = shape.serialization.get("payload")
    if payload is None:
        unbound = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
        return _members(unbound, json.loads(body)) if body and unbound else {}
    member = shape.members[payload]
    if member.type_name == "blob":
        return {payload: body}
    if not body:
        return {}
    if member.type_name == "string":
        return {payload: body.decode()}
    if protocol == "rest-xml":
        return {payload: parse_document(member, body)}
    return {payload: _value(member, json.loads(body))}


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
