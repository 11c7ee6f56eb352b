"""What a guard of S3 asks moto besides the request itself: heads, settings, retention.

Asked on the way of the request that needs it, so nobody is authorized twice. Decisions do not
belong here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from localaws.core.http import Request

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response

_FOUND = 200
_KEPT = ("host", "authorization")


def ask(
    passing: Passing,
    method: str,
    path: str,
    query: str = "",
    body: bytes = b"",
    more: dict[str, str] | None = None,
) -> Response:
    """Ask moto something else in the name of the same request; its answer's headers lower case."""
    headers = {name: passing.request.headers.get(name, "") for name in _KEPT} | (more or {})
    headers["content-length"] = str(len(body))
    response = passing.ask(Request(method, path, query, headers, body))
    response.headers = {name.lower(): value for name, value in response.headers.items()}
    return response


def head(passing: Passing, bucket: str, key: str, version: str | None) -> dict[str, str] | None:
    """Return the headers of an object (lower case), or None if there is no such version of it."""
    query = urlencode({"versionId": version}) if version else ""
    answer = ask(passing, "HEAD", object_path(bucket, key), query)
    return answer.headers if answer.status == _FOUND else None


def setting(passing: Passing, bucket: str, name: str) -> str:
    """Return a bucket's setting as XML, empty if it has none; ``name`` as in the query string."""
    answer = ask(passing, "GET", f"/{bucket}", name)
    return answer.body.decode() if answer.status == _FOUND else ""


def element(document: str, name: str) -> str | None:
    """Return the text of the first element of that name."""
    found = re.search(f"<{name}>([^<]*)</{name}>", document)
    return found[1] if found else None


def retain(
    passing: Passing, bucket: str, key: str, version: str | None, mode: str, until: str
) -> Response:
    """Put a lock on an object's version."""
    body = document("Retention", Mode=mode, RetainUntilDate=until)
    return _put(passing, bucket, key, version, "retention", body)


def hold(passing: Passing, bucket: str, key: str, version: str | None, status: str) -> Response:
    """Set an object's legal hold."""
    return _put(passing, bucket, key, version, "legal-hold", document("LegalHold", Status=status))


def _put(
    passing: Passing, bucket: str, key: str, version: str | None, what: str, body: bytes
) -> Response:
    query = what + (f"&versionId={quote(version)}" if version else "")
    # In a bucket with default retention moto wants a digest of every PUT; it reads none of them.
    digest = {"content-md5": "none"}
    return ask(passing, "PUT", object_path(bucket, key), query, body, digest)


def document(root: str, **members: str) -> bytes:
    """Return an XML document of one level."""
    top = ET.Element(root, xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    for name, text in members.items():
        ET.SubElement(top, name).text = text
    return ET.tostring(top)


def object_path(bucket: str, key: str) -> str:
    """Return the path of an object's requests."""
    return f"/{bucket}/{quote(key, safe='/~')}"
