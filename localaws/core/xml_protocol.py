"""The rest-xml protocol's request bodies: S3's documents, read by botocore's input shapes.

What is bound to the path, the query and headers is read by parsing. S3's answers are moto's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from localaws.core.values import from_text

if TYPE_CHECKING:
    from localaws.core.provider import Document

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def parse_document(shape: Any, body: bytes) -> Document:
    """Return the members of a structure that an XML document spells.

    Raises:
        ValueError: It is not XML, declares a document type, or a value is not of its shape.
    """
    # In another encoding a declaration would not be seen here, and its entities be expanded.
    text = body.decode("utf-8-sig")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document type declaration is not accepted")
    try:
        root = ET.fromstring(text)  # noqa: S314 - no DTD reaches the parser, see above
    except ET.ParseError as error:
        raise ValueError(f"not XML: {error}") from error
    return _structure(shape, root)


def _structure(shape: Any, node: ET.Element) -> Document:
    children: dict[str, list[ET.Element]] = {}
    for child in node:
        children.setdefault(_local(child.tag), []).append(child)
    parsed: Document = {}
    for name, member in shape.members.items():
        tag = member.serialization.get("name", name)
        if member.serialization.get("xmlAttribute"):
            value = node.get(f"{{{_INSTANCE}}}{tag.rpartition(':')[2]}")
            if value is not None:
                parsed[name] = value
        elif member.type_name == "list" and member.serialization.get("flattened"):
            # A flattened list's items stand under the item's own name where it has one.
            items = children.get(member.member.serialization.get("name", tag)) or children.get(tag)
            if items:
                parsed[name] = [_value(member.member, item) for item in items]
        elif tag in children:
            parsed[name] = _value(member, children[tag][-1])
    return parsed


def _value(shape: Any, node: ET.Element) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, node)
    if kind == "list":
        return [_value(shape.member, child) for child in node]
    return from_text(shape, node.text or "")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
