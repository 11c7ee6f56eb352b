"""Requests as bytes, for tests of what no client would send; and what every answer must be."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

JSON_PROTOCOLS = {"json", "rest-json", "smithy-rpc-v2-cbor"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error's code; fails unless the answer is an error in AWS's shape."""
        if self.headers.get("content-type", "").endswith("xml"):
            root = ET.fromstring(self.body)  # noqa: S314 - our own server's answer
            found = root if root.tag == "Error" else root.find(".//{*}Error")
            assert found is not None, self
            return found.findtext("{*}Code") or ""
        document = json.loads(self.body)
        return document.get("__type") or self.headers["x-amzn-errortype"]


def authorization(service: str, account: str = "111111111111") -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential=LOCALAWS{account}/20260101/us-east-1/{service}/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )


def request(
    method: str,
    target: str,
    body: bytes = b"",
    headers: dict[str, str] | list[tuple[str, str]] = (),
    service: str = "",
    *,
    length: bool = True,
) -> bytes:
    """A request's bytes; ``headers`` as a list may repeat a name."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if service:
        pairs.append(("Authorization", authorization(service)))
    if length:
        pairs.append(("Content-Length", str(len(body))))
    lines += [f"{name}: {value}" for name, value in pairs]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def json_request(service: str, target: str, body: bytes, **headers: str) -> bytes:
    more = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1", **headers}
    return request("POST", "/", body, more, service)


def exchange(
    endpoint_url: str, sent: bytes, *, half_close: bool = False, timeout: float = 10
) -> Answer:
    """Send bytes, return the (first) answer. A hang is a failure: the socket times out."""
    parts = urlsplit(endpoint_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return read_answer(connection, head=sent.startswith(b"HEAD "))


def read_answer(connection: socket.socket, *, head: bool = False) -> Answer:
    with connection.makefile("rb") as stream:
        while True:
            status_line = stream.readline()
            assert status_line, "the connection was closed without an answer"
            headers: dict[str, str] = {}
            while (line := stream.readline().strip()) != b"":
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            status = int(status_line.split()[1])
            if status != 100:
                break
        length = 0 if head else int(headers.get("content-length", 0))
        return Answer(status, headers, stream.read(length))


def check(answer: Answer, sent: Any = None) -> None:
    """An answer is a success, or a final error in AWS's shape."""
    assert answer.status < 500 or answer.status == 501, (answer, sent)
    assert b"<html" not in answer.body[:200].lower(), (answer, sent)
    if answer.status >= 400 and answer.body:
        assert answer.code, (answer, sent)
