"""Results and errors as HTTP responses, in the protocol of the request.

Results in rest-xml do not belong here: only moto answers S3.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from localaws.core.http import Response
from localaws.core.query_protocol import write_result
from localaws.core.values import timestamp

if TYPE_CHECKING:
    from localaws.core.errors import ServiceError
    from localaws.core.provider import Document
    from localaws.core.routing import Route

_DEFAULT_STATUS = 400
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_JSON_TYPES = {"json": "application/x-amz-json-1.1", "rest-json": "application/json"}


def serialize_result(route: Route, result: Document, request_id: str) -> Response:
    """Write a provider's result; members the output shape does not have are left out.

    Raises:
        TypeError, ValueError: A value does not fit its shape; the provider is at fault.
    """
    shape = route.model.output_shape
    response = Response(route.model.http.get("responseCode", 200))
    response.headers["x-amzn-RequestId"] = request_id
    if route.protocol == "query":
        response.headers["Content-Type"] = "text/xml"
        response.body = write_result(route.model, result, request_id)
        return response
    response.headers["Content-Type"] = _JSON_TYPES[route.protocol]
    if shape is None:
        response.body = b"{}" if route.protocol == "json" else b""
        return response
    if route.protocol == "rest-json":
        _bind_rest(response, shape, result)
    else:
        response.body = _dump(_structure(shape, result))
    return response


def serialize_error(route: Route, error: ServiceError, request_id: str) -> Response:
    """Write an error in the protocol of the request."""
    response = Response(_status(route, error), headers={"x-amzn-RequestId": request_id})
    if route.protocol in _JSON_TYPES:
        response.headers["Content-Type"] = _JSON_TYPES[route.protocol]
        response.headers["x-amzn-ErrorType"] = error.code
        body = {"__type": error.code, "message": error.message} | error.extra
        response.body = json.dumps(body, default=str).encode()
        return response
    response.headers["Content-Type"] = "text/xml"
    detail = f"<Code>{_xml(error.code)}</Code><Message>{_xml(error.message)}</Message>"
    if route.protocol == "rest-xml":
        body_text = f"<Error>{detail}<RequestId>{request_id}</RequestId></Error>"
    else:
        body_text = (
            f"<ErrorResponse><Error><Type>Sender</Type>{detail}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    response.body = f'<?xml version="1.0" encoding="UTF-8"?>\n{body_text}'.encode()
    return response


def _xml(text: str) -> str:
    # A message may quote what the client sent, and not every character can stand in XML.
    return escape(_NOT_XML.sub("\ufffd", text))


def _status(route: Route, error: ServiceError) -> int:
    if error.status != _DEFAULT_STATUS or route.model is None:
        return error.status
    for shape in route.model.service_model.error_shapes:
        if error.code in {shape.error_code, shape.name}:
            return int(shape.metadata.get("error", {}).get("httpStatusCode", _DEFAULT_STATUS))
    return error.status


def _bind_rest(response: Response, shape: Any, result: Document) -> None:
    body: dict[str, Any] = {}
    for name, member in shape.members.items():
        value = result.get(name)
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if value is None:
            continue
        if location == "header":
            response.headers[key] = _header(member, value)
        elif location == "headers":
            response.headers |= {f"{key}{k}": str(v) for k, v in value.items()}
        elif location == "statusCode":
            response.status = int(value)
        else:
            body[key] = (member, value)
    payload = shape.serialization.get("payload")
    if payload is None:
        response.body = _dump({key: _value(member, value) for key, (member, value) in body.items()})
    else:
        response.body = _payload(shape.members[payload], result.get(payload))


def _payload(member: Any, value: Any) -> bytes:
    if value is None:
        return b""
    if member.type_name == "blob":
        return bytes(value) if not isinstance(value, str) else value.encode()
    return value.encode() if member.type_name == "string" else _dump(_value(member, value))


def _structure(shape: Any, value: Document) -> Document:
    return {
        member.serialization.get("name", name): _value(member, value[name])
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _value(shape: Any, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return value if shape.is_document_type else _structure(shape, value)
    if kind == "list":
        return [_value(shape.member, item) for item in value]
    if kind == "map":
        return {key: _value(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    if kind == "timestamp":
        return timestamp(shape.serialization.get("timestampFormat", "unixTimestamp"), value)
    return value


def _header(shape: Any, value: Any) -> str:
    if shape.type_name == "timestamp":
        return str(timestamp(shape.serialization.get("timestampFormat", "rfc822"), value))
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "list":
        return ",".join(str(item) for item in value)
    return str(value)


def _dump(value: Any) -> bytes:
    # NaN is not JSON; a provider that returns one is at fault, and hears of it.
    return json.dumps(value, allow_nan=False).encode()
