"""YAML nodes read strictly, each complaint with its line. What a plan means belongs to ``reading``.

JSON is YAML here: an admin call may send either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import yaml

if TYPE_CHECKING:
    from collections.abc import Collection

_MOST_CHARACTERS = 256 * 1024
_TAG = "tag:yaml.org,2002:"


class PlanError(ValueError):
    """A plan that cannot be read: file, line, field, what was expected, and how to mend it."""


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # An alias would let a few lines stand for millions of nodes.
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not accepted", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


@dataclass(frozen=True, slots=True)
class Field:
    """A node with the name it goes by in messages."""

    node: yaml.Node
    name: str
    source: str

    @property
    def is_scalar(self) -> bool:
        """Whether it is a single value."""
        return isinstance(self.node, yaml.ScalarNode)

    def fail(self, expected: str, mend: str = "") -> NoReturn:
        """Raise the complaint about this field."""
        found = self.node.value if self.is_scalar else f"a {type(self.node).__name__}"
        raise PlanError(
            f"{self.source}:{self.node.start_mark.line + 1}: {self.name}: expected {expected}, "
            f"found {found!r}. {mend or 'Change it, or leave the field out.'}"
        )

    def mapping(self, allowed: Collection[str] | None) -> dict[str, Field]:
        """Return a mapping's fields, none of them unknown or given twice."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail("a mapping")
        fields: dict[str, Field] = {}
        for key_node, value_node in self.node.value:
            key = Field(key_node, f"{self.name} key", self.source).text()
            field = Field(value_node, f"{self.name}.{key}", self.source)
            if key in fields:
                field.fail("each field once", "Remove one of the two.")
            if allowed is not None and key not in allowed:
                known = ", ".join(sorted(allowed))
                field.fail(f"one of the fields {known}", "Correct the name, or remove it.")
            fields[key] = field
        return fields

    def items(self) -> list[Field]:
        """Return a sequence's items."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail("a list")
        return [
            Field(node, f"{self.name}[{number}]", self.source)
            for number, node in enumerate(self.node.value)
        ]

    def text(self) -> str:
        """Return a scalar as it is written; account numbers need no quotes."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value:
            self.fail("a text")
        return str(self.node.value)

    def one_of(self, choices: Collection[str]) -> str:
        """Return a text that is one of some."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.value not in choices:
            self.fail(f"one of {', '.join(choices)}")
        return str(self.node.value)

    def integer(self, least: int = 1) -> int:
        """Return a whole number."""
        value = self._number("int")
        if value is None or value != int(value) or value < least:
            self.fail(f"a whole number of at least {least}")
        return int(value)

    def number(self, least: float, most: float) -> float:
        """Return a number within bounds."""
        value = self._number("int", "float")
        if value is None or not least <= value <= most:
            self.fail(f"a number from {least:g} to {most:g}")
        return value

    def truth(self) -> bool:
        """Return true or false."""
        return self.one_of(("true", "false")) == "true"

    def _number(self, *kinds: str) -> float | None:
        if self.node.tag not in {_TAG + kind for kind in kinds}:
            return None
        try:
            value = float(self.node.value)
        except ValueError:
            return None
        return value if math.isfinite(value) else None


def parse_yaml(text: str, source: str) -> Field:
    """Return the root of a YAML or JSON document.

    Raises:
        PlanError: It is too long, nested too deeply, or not YAML.
    """
    if len(text) > _MOST_CHARACTERS:
        raise PlanError(
            f"{source}:1: plan: expected at most {_MOST_CHARACTERS} characters, "
            f"found {len(text)}. Use fewer rules, with globs."
        )
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PlanError(
            f"{source}:{line}: plan: expected YAML or JSON, found: {error.problem}. "
            "Correct the line."
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise PlanError(
            f"{source}:1: plan: expected YAML or JSON, found: {error}. Correct the file."
        ) from error
    if root is None:
        raise PlanError(f"{source}:1: plan: expected a mapping with rules, found nothing.")
    return Field(root, "plan", source)
