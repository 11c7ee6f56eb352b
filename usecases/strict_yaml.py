"""YAML read strictly, with the line of every field. What the fields mean belongs to fields.py.

Refused: aliases and anchors (a bomb of them fits in one screen), duplicate keys (YAML keeps the
last without a word), tags, several documents, and files beyond MAXIMUM_BYTES. Only `true` and
`false` are booleans, as in YAML 1.2: a column may be called `on`, `no` or `y`. Dates stay text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from usecases.errors import DeclarationError, Problem

if TYPE_CHECKING:
    from pathlib import Path

MAXIMUM_BYTES = 256 * 1024
"""Largest declaration; the reference one has 10 KiB."""

MAXIMUM_DEPTH = 20
"""Deepest nesting. 30,000 open brackets kept the parser busy for 45 seconds without this."""

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2's few implicit types."""


_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(_pattern), list(_first))


@dataclass(frozen=True)
class Document:
    """A YAML file: its data, and where each part of it stands."""

    path: Path
    data: Any
    root: yaml.Node

    def line_of(self, location: tuple[str | int, ...]) -> int:
        """Give the line of a field, or of the innermost part of its path that exists.

        Parts that are not in the file are skipped: a validator's own tags, a field that is missing.
        """
        node, line = self.root, self.root.start_mark.line
        for part in location:
            found = _child(node, part)
            if found is not None:
                line, node = found
        return int(line) + 1

    def problem(
        self, location: tuple[str | int, ...], problem: str, expected: str, remedy: str
    ) -> Problem:
        """Build a problem that points at a field of this file."""
        field = ".".join(str(part) for part in location)
        return Problem(self.path, self.line_of(location), field, problem, expected, remedy)


def read(path: Path) -> Document:
    """Read one declaration.

    Raises:
        DeclarationError: If the file is missing, too large, not UTF-8, or not plain YAML.
    """
    text = _text(path)
    try:
        _refuse_tricks(path, text)
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise _fault(path, 1, "the file is empty", "a mapping", "write the declaration")
        _refuse_duplicates(path, root)
        return Document(path=path, data=loader.construct_document(root), root=root)
    except yaml.YAMLError as error:
        raise _syntax(path, error) from error
    except ValueError as error:  # an integer of too many digits, for one
        raise _fault(path, 1, f"unreadable: {error}", "plain values", "mend it") from error


def _text(path: Path) -> str:
    if not path.is_file():
        raise _fault(path, 1, "there is no such file", "a declaration", "create usecase.yaml there")
    size = path.stat().st_size
    if size > MAXIMUM_BYTES:
        raise _fault(
            path, 1, f"the file has {size} bytes", f"at most {MAXIMUM_BYTES}", "move SQL into files"
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _fault(path, 1, f"byte {error.start} is not UTF-8", "UTF-8", "save it so") from error


def _refuse_tricks(path: Path, text: str) -> None:
    """Look at the events as they come, before anything is built of them."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAXIMUM_DEPTH:
            raise _fault(path, line, f"deeper than {MAXIMUM_DEPTH} levels", "fewer", "flatten it")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _fault(path, line, "an alias or anchor", "plain values", "write the value out")
        if tag := getattr(event, "tag", None):
            raise _fault(path, line, f"the tag {tag}", "plain values", "remove the tag")


def _refuse_duplicates(path: Path, node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(path, item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _fault(path, line, "a key that is not a word", "a name", "rename it")
        if key.value in seen:
            raise _fault(path, line, f"{key.value} is here twice", "each key once", "remove one")
        seen.add(key.value)
        # Keys are names, whatever they look like: `1` or `true` as a key stays text.
        key.tag = f"{_TAG}str"
        _refuse_duplicates(path, value)


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line, item
    return None


def _syntax(path: Path, error: yaml.YAMLError) -> DeclarationError:
    mark = getattr(error, "problem_mark", None)
    found = getattr(error, "problem", None) or str(error).splitlines()[0]
    line = mark.line + 1 if mark else 1
    return _fault(path, line, f"not YAML: {found}", "well-formed YAML", "mend the line")


def _fault(path: Path, line: int, problem: str, expected: str, remedy: str) -> DeclarationError:
    return DeclarationError([Problem(path, line, "", problem, expected, remedy)])
