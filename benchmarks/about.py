"""When, where and with what a benchmark ran, in words."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def about(packages: Iterable[str]) -> list[str]:
    """Return the lines that open a benchmark's section."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    day = datetime.now(UTC).date()
    return [f"{day}, {machine}, Python {platform.python_version()}, {versions}."]
