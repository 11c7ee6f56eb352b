"""`python -m localaws`, which keeps a copy of its documents as they are before each write.

Each copy, in ``moments/<n>`` beside the state folder, is what a kill -9 at that moment leaves: what
was committed, and a log whose end was not.
"""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from localaws.__main__ import main
from localaws.core.store import Store

_WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT")
_FILES = ("documents.sqlite", "documents.sqlite-wal")


def watch(state: Path) -> None:
    """Make every Store of this process keep copies."""
    open_store = Store.__init__
    lock = threading.Lock()
    moments = state.parent / "moments"

    def copy(statement: str) -> None:
        # Called before the statement is performed, with the Store's lock held.
        if not statement.lstrip().upper().startswith(_WRITES):
            return
        with lock:
            moments.mkdir(exist_ok=True)
            folder = moments / f"{len(list(moments.iterdir())):04}"
            folder.mkdir()
            for name in _FILES:
                if (state / name).exists():
                    shutil.copy(state / name, folder / name)

    def opened(self: Store, *arguments: Any, **options: Any) -> None:
        open_store(self, *arguments, **options)
        self._db.set_trace_callback(copy)

    Store.__init__ = opened  # type: ignore[method-assign]


if __name__ == "__main__":
    watch(Path(sys.argv[sys.argv.index("--state") + 1]))
    sys.exit(main())
