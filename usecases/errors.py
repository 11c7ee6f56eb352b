"""How a mistake in a use case's folder is told. What is a mistake is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, what was found, what was expected and how to mend it."""

    path: Path
    line: int
    field: str
    problem: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        """Give one line in the manner of a compiler, so that editors can jump to it."""
        where = f"{self.path}:{self.line}: " + (f"{self.field}: " if self.field else "")
        return f"{where}{self.problem}; expected {self.expected}; {self.remedy}"


class DeclarationError(Exception):
    """A use case's folder does not say what it must. Holds every problem found, not just one.

    Attributes:
        problems: At least one, ordered by file and line.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (str(one.path), one.line)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
