"""Which tests belong to one process when several run them (pytest-xdist)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

TESTS = Path(__file__).parent
#: Their files share nothing but a server, which each process has; elsewhere a folder's files share
#: what takes a minute to make: a trained model, a deployment. End-to-end tests fill both cores.
_BY_FILE = ("unit", "functional/localaws")


# First: others look at the markers.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item.path)))


def group_of(path: Path) -> str:
    """Return the name of the group that a test file belongs to."""
    place = path.relative_to(TESTS)
    if place.as_posix().startswith(_BY_FILE):
        return place.as_posix()
    return place.parent.as_posix()
