"""State on disk that cannot be used: the errors that say so, and setting a damaged file aside.

How to tell that a file is damaged belongs to whoever reads it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

#: Appended to what a damaged file's reader says.
WAY_OUT = (
    "To keep that, start once with --salvage (the damaged file is set aside, not deleted); "
    "to start afresh: `make clean-state`."
)


class StateError(RuntimeError):
    """The state on disk cannot be used. The message says which file, why, and what to do."""


class DamagedError(StateError):
    """A file of the state is damaged."""


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that it is neither read again nor lost."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
    path.rename(aside)
    _log.warning("Set aside %s as %s", path, aside.name)
    return aside
