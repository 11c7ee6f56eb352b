"""Faults for drills: a plan in force for a while, and what it did. For any running server."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Faults:
    """The admin calls of one server; see docs/localaws/faults.md."""

    def __init__(self, endpoint_url: str) -> None:
        self._address = urlsplit(endpoint_url).netloc

    def set(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Put rules in force.

        Raises:
            ValueError: The server refuses the plan; says why.
        """
        status, answer = self.ask("PUT", json.dumps({"seed": seed, "rules": rules}).encode())
        if status != 200:
            raise ValueError(answer["error"])

    def clear(self) -> None:
        self.ask("DELETE")

    def injected(self) -> list[dict[str, Any]]:
        """The newest faults, oldest first: rule, effect, number, operation, ..."""
        return self.ask("GET")[1].get("injected", [])

    def counters(self) -> dict[str, tuple[int, int]]:
        """By rule: how many calls matched, how many were given a fault."""
        counters = self.ask("GET")[1]["counters"]
        return {each["rule"]: (each["matched"], each["injected"]) for each in counters}

    def ask(self, method: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, "/_localaws/faults", body, headers)
            answer = connection.getresponse()
            return answer.status, json.load(answer)


@contextlib.contextmanager
def ordered(endpoint_url: str, *rules: dict[str, Any], seed: int = 0) -> Iterator[Faults]:
    """Faults while a block runs: ``with ordered(url, {"service": "s3", "effect": "throttle"})``."""
    faults = Faults(endpoint_url)
    faults.set(*rules, seed=seed)
    try:
        yield faults
    finally:
        faults.clear()
