"""Which tests belong to one process when several run them (pytest-xdist)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from xdist.scheduler import LoadScopeScheduling

#: Their files share nothing but a server, which each process has; elsewhere a folder's files share
#: what takes a minute to make: a trained model, a deployment. End-to-end tests fill both cores.
_BY_FILE = ("tests/unit/", "tests/functional/localaws/")


class ByGroup(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Hands groups of files to the processes, whole and in the order in which they were found.

    xdist's own groups (markers, ``--dist loadgroup``) are without effect in pytest 9.2: it no
    longer reads the attribute in which xdist 3.8 writes them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByGroup:
    config.option.loadscopereorder = False
    return ByGroup(config, log)


def group_of(nodeid: str) -> str:
    """Return the group of a test: its file, or the folder of that."""
    file = nodeid.partition("::")[0]
    return file if file.startswith(_BY_FILE) else str(PurePosixPath(file).parent)
