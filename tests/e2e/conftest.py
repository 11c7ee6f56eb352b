"""What the end-to-end tests share: a browser to look with, and ports nobody has."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> str:
    """The path of a Chromium."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(_BROWSERS)} is on the PATH")
    return found


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives a port of the loopback interface that was free just now."""

    def probe() -> int:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            return int(found.getsockname()[1])

    return probe
