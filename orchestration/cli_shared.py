"""What the commands share: the console, common arguments, the doors and the declarations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from resources.errors import Terminal

if TYPE_CHECKING:
    from resources.platform import Platform
    from usecases.declaration import UseCase

console = Console()
errors = Console(stderr=True)

Model = Annotated[str, typer.Argument(help="The use case, for example flight_delay.")]
Version = Annotated[
    int | None, typer.Option(help="Its version; by default the newest that awaits approval.")
]


def doors() -> Platform:
    """Return the doors of the chosen environment."""
    from orchestration import environments

    return environments.platform()


def declared() -> tuple[UseCase, ...]:
    """Return every declared use case."""
    from usecases.declaration import load_use_cases, use_case_roots

    return load_use_cases(*use_case_roots(os.environ))


def use_case_named(name: str) -> UseCase:
    """Return a declared use case.

    Raises:
        Terminal: There is none of that name; tells those that there are.
    """
    found = {each.name: each for each in declared()}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise Terminal(f"There is no use case {name!r}; declared are: {known}.")
    return found[name]
