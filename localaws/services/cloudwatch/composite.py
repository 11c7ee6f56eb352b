"""Rule expressions of composite alarms: read, and evaluated over the states of others. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Node = tuple[Any, ...]

_STATES = {"OK", "ALARM", "INSUFFICIENT_DATA"}
_TOKEN = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()]|[^\s()"']+)""")


class RuleError(ValueError):
    """The rule is not valid; the text says why."""


def parse(rule: str) -> Node:
    """Read a rule.

    Raises:
        RuleError: It is none.
    """
    tokens, position = [], 0
    stripped = rule.rstrip()
    while position < len(stripped):
        token = _TOKEN.match(stripped, position)
        if token is None:
            raise RuleError(f"AlarmRule is invalid at {stripped[position:]!r}")
        tokens.append(token[1])
        position = token.end()
    parser = _Parser(tokens)
    node = parser.alternatives()
    if parser.next:
        raise RuleError(f"AlarmRule is invalid at {parser.next!r}")
    return node


def children(node: Node) -> set[str]:
    """Return the alarms, by name or ARN as written, that a rule looks at."""
    if node[0] == "state":
        return {node[2]}
    return set().union(*(children(part) for part in node[1:] if isinstance(part, tuple)))


def holds(node: Node, state_of: Callable[[str], str]) -> bool:
    """Evaluate a rule.

    Args:
        node: As ``parse`` returned it.
        state_of: Returns the state of an alarm by name or ARN.
    """
    kind = node[0]
    if kind == "state":
        return bool(state_of(node[2]) == node[1])
    if kind == "constant":
        return bool(node[1])
    if kind == "NOT":
        return not holds(node[1], state_of)
    both = all if kind == "AND" else any
    return bool(both([holds(part, state_of) for part in node[1:]]))


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def next(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def alternatives(self) -> Node:
        parts = [self._conjunction()]
        while self._accept("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else ("OR", *parts)

    def _conjunction(self) -> Node:
        parts = [self._term()]
        while self._accept("AND"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else ("AND", *parts)

    def _term(self) -> Node:
        if self._accept("NOT"):
            return ("NOT", self._term())
        if self._accept("("):
            inner = self.alternatives()
            self._expect(")")
            return inner
        word = self.next.upper()
        if word in ("TRUE", "FALSE"):
            self._position += 1
            return ("constant", word == "TRUE")
        if word not in _STATES:
            raise RuleError(
                f"AlarmRule: expected ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, NOT or a bracket, "
                f"found {self.next or 'its end'!r}"
            )
        self._position += 1
        return ("state", word, self._name())

    def _name(self) -> str:
        self._expect("(")
        name = self.next
        if name in ("", "(", ")"):
            raise RuleError("AlarmRule: a state function needs the name or ARN of an alarm")
        self._position += 1
        self._expect(")")
        return re.sub(r"\\(.)", r"\1", name[1:-1]) if name[0] in "\"'" else name

    def _accept(self, word: str) -> bool:
        if self.next.upper() != word:
            return False
        self._position += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise RuleError(f"AlarmRule: expected {word!r}, found {self.next or 'its end'!r}")
