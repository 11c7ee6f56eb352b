"""Durable documents: the providers' only memory. SQLite in WAL mode, one transaction per change.

Object bodies do not belong here; they are files. Neither does anything moto owns.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING

from localaws.core import database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from localaws.core.provider import Document

    #: Told of a change of one document, within its transaction: key, before, after.
    Watcher = Callable[[str, Document | None, Document | None], None]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID
"""

#: Sorts after whatever a key may hold.
_LAST = "\U0010ffff"


class DuplicateKeyError(Exception):
    """``insert`` met a key that is there already."""


class Store:
    """All documents of a server. Thread-safe; on return a write survives a killed process.

    Raises:
        DamagedError: The file is damaged; with ``salvage``, what can be read of it is kept.
    """

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = database.connect(path, _SCHEMA, salvage=salvage)
        self._lock = threading.RLock()
        self._watchers: dict[str, list[Watcher]] = {}
        row = self._db.execute("SELECT coalesce(max(seq), 0) FROM documents").fetchone()
        self._seq = int(row[0])

    def table(self, kind: str) -> Table:
        """Return the documents of one kind, for example ``sagemaker/endpoint``."""
        return Table(self, kind)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes of this thread within one; an exception undoes them. Nests.

        Other threads wait meanwhile: write here, and do nothing that waits.
        """
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def watch(self, kind: str, watcher: Watcher) -> None:
        """Have ``watcher`` told of each change of that kind; what it writes is part of the change.

        Register before anything is written. Kinds nobody watches cost nothing.
        """
        self._watchers.setdefault(kind, []).append(watcher)

    def close(self) -> None:
        """Close the database; later use raises ``sqlite3.ProgrammingError``."""
        with self._lock:
            self._db.close()


class Table:
    """Documents of one kind by string key, conventionally ``account/region/name``.

    Documents are JSON; encode datetimes as epoch seconds (float).
    """

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind

    def get(self, key: str) -> Document | None:
        """Return a fresh copy of the document, or None."""
        with self._store._lock:  # noqa: SLF001 - Table is Store's other half
            row = self._store._db.execute(  # noqa: SLF001
                "SELECT body FROM documents WHERE kind = ? AND key = ?", (self._kind, key)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, key: str, document: Document) -> None:
        """Write the document, keeping its place in ``scan`` order if it is there already."""
        body = json.dumps(document)
        with self._told(key, document):
            self._store._seq += 1  # noqa: SLF001
            self._store._db.execute(  # noqa: SLF001
                "INSERT INTO documents VALUES (?, ?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                (self._kind, key, body, self._store._seq),  # noqa: SLF001
            )

    def insert(self, key: str, document: Document) -> None:
        """Write a new document.

        Raises:
            DuplicateKeyError: The key is taken; nothing was changed.
        """
        with self._store._lock:  # noqa: SLF001
            if self.get(key) is not None:
                raise DuplicateKeyError(key)
            self.put(key, document)

    def update(self, key: str, change: Callable[[Document], None]) -> Document:
        """Read, change in place and write as one step.

        Raises:
            KeyError: There is no such document.
        """
        with self._store._lock:  # noqa: SLF001
            document = self.get(key)
            if document is None:
                raise KeyError(key)
            change(document)
            self.put(key, document)
            return document

    def delete(self, key: str) -> None:
        """Remove the document if it is there."""
        with self._told(key, None):
            self._store._db.execute(  # noqa: SLF001
                "DELETE FROM documents WHERE kind = ? AND key = ?", (self._kind, key)
            )

    @contextlib.contextmanager
    def _told(self, key: str, after: Document | None) -> Iterator[None]:
        watchers = self._store._watchers.get(self._kind)  # noqa: SLF001
        with self._store.transaction() if watchers else self._store._lock:  # noqa: SLF001
            before = self.get(key) if watchers else None
            yield
            for watcher in watchers or ():
                watcher(key, before, after)

    def between(self, low: str, high: str, *, limit: int = -1) -> list[tuple[str, Document]]:
        """Return (key, document) with ``low <= key < high`` in order of key, found by index."""
        with self._store._lock:  # noqa: SLF001
            rows = self._store._db.execute(  # noqa: SLF001
                "SELECT key, body FROM documents WHERE kind = ? AND key >= ? AND key < ? "
                "ORDER BY key LIMIT ?",
                (self._kind, low, high, limit),
            ).fetchall()
        return [(key, json.loads(body)) for key, body in rows]

    def below(self, prefix: str) -> list[tuple[str, Document]]:
        """Return (key, document) whose key starts with ``prefix``, in order of key, by index."""
        return self.between(prefix, f"{prefix}{_LAST}")

    def scan(self, prefix: str = "") -> Iterator[tuple[str, Document]]:
        """Yield (key, document) whose key starts with ``prefix``, in order of first insertion."""
        with self._store._lock:  # noqa: SLF001
            rows = self._store._db.execute(  # noqa: SLF001
                "SELECT key, body FROM documents WHERE kind = ? AND substr(key, 1, ?) = ? "
                "ORDER BY seq",
                (self._kind, len(prefix), prefix),
            ).fetchall()
        for key, body in rows:
            yield key, json.loads(body)
