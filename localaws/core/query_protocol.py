"""The query protocol: parameters as a flat form, results as XML. STS, IAM and SNS speak it.

Its errors are written with all others, in serializing. moto reads and writes its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from localaws.core.values import from_text, timestamp

if TYPE_CHECKING:
    from localaws.core.provider import Document


_DEEPEST = 50


def parse_form(shape: Any, body: bytes, query: str) -> Document:
    """Return the parameters of a form like ``Tags.member.1.Key=a``."""
    form = dict(parse_qsl(body.decode() or query, keep_blank_values=True))
    return _structure(shape, _Form(form), "")


def write_result(operation: Any, result: Document, request_id: str) -> bytes:
    """Return the XML document of a result."""
    shape = operation.output_shape
    name = operation.name
    wrapper = shape.serialization.get("resultWrapper", f"{name}Result") if shape else None
    inner = "" if shape is None else f"<{wrapper}>{_members_xml(shape, result)}</{wrapper}>"
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    return (
        f'<{name}Response xmlns="{namespace}">{inner}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        f"</{name}Response>"
    ).encode()


class _Form(dict[str, str]):
    """What was sent, by dotted name; knows at once whether anything is below a name."""

    def __init__(self, sent: dict[str, str]) -> None:
        super().__init__(sent)
        if any(name.count(".") > _DEEPEST for name in sent):
            raise ValueError(f"a name has more than {_DEEPEST} parts")
        self._inner = {
            name[:end] for name in sent for end, letter in enumerate(name) if letter == "."
        }

    def has(self, name: str) -> bool:
        """Tell whether a value or anything below it was sent."""
        return name in self or name in self._inner


def _structure(shape: Any, form: _Form, prefix: str) -> Document:
    parsed: Document = {}
    for name, member in shape.members.items():
        key = prefix + member.serialization.get("name", name)
        if form.has(key):
            parsed[name] = _value(member, form, key)
    return parsed


def _value(shape: Any, form: _Form, key: str) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, form, f"{key}.")
    if shape.type_name == "list":
        return _list(shape, form, key)
    if shape.type_name == "map":
        return _map(shape, form, key)
    return from_text(shape, form[key])


def _list(shape: Any, form: _Form, key: str) -> list[Any]:
    name = shape.member.serialization.get("name", "member")
    base = key if shape.serialization.get("flattened") else f"{key}.{name}"
    items: list[Any] = []
    while True:
        item = f"{base}.{len(items) + 1}"
        if not form.has(item):
            return items
        items.append(_value(shape.member, form, item))


def _map(shape: Any, form: _Form, key: str) -> dict[str, Any]:
    base = key if shape.serialization.get("flattened") else f"{key}.entry"
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    items: dict[str, Any] = {}
    while f"{base}.{len(items) + 1}.{key_name}" in form:
        entry = f"{base}.{len(items) + 1}"
        items[form[f"{entry}.{key_name}"]] = _value(shape.value, form, f"{entry}.{value_name}")
    return items


def _members_xml(shape: Any, value: Document) -> str:
    return "".join(
        _xml(member.serialization.get("name", name), member, value[name])
        for name, member in shape.members.items()
        if value.get(name) is not None
    )


def _xml(tag: str, shape: Any, value: Any) -> str:
    kind = shape.type_name
    if kind == "structure":
        inner = _members_xml(shape, value)
    elif kind == "list":
        name = shape.member.serialization.get("name", "member")
        inner = "".join(_xml(name, shape.member, item) for item in value)
    elif kind == "timestamp":
        inner = timestamp(shape.serialization.get("timestampFormat", "iso8601"), value)
    else:
        inner = escape(str(value).lower() if kind == "boolean" else str(value))
    return f"<{tag}>{inner}</{tag}>"
