"""The durable tables behind Feature Store: the online store, and what waits to go offline.

One transaction per call: what was acknowledged survives a killed process (SQLite in WAL mode). Rows
bound for the offline store stay for a few seconds after they were uploaded, because a power cut may
take S3's last second; those are uploaded again, under the same keys, at the next start.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.core import database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from localaws.core.provider import Document
    from localaws.services.featurestore.records import Record

_KEPT_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS online (
    uid TEXT NOT NULL, record_id TEXT NOT NULL, event REAL NOT NULL, body TEXT,
    deleted INTEGER NOT NULL, expires REAL, PRIMARY KEY (uid, record_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offline (
    seq INTEGER PRIMARY KEY, uid TEXT NOT NULL, event REAL NOT NULL, invoked REAL NOT NULL,
    deleted INTEGER NOT NULL, body TEXT NOT NULL, flush TEXT, flushed REAL);
CREATE INDEX IF NOT EXISTS waiting ON offline (uid) WHERE flushed IS NULL;
CREATE TABLE IF NOT EXISTS sinks (uid TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
"""

# Only a later event time replaces what the online store has; an equal one does not.
_PUT = """
INSERT INTO online VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (uid, record_id) DO UPDATE SET
    event = excluded.event, body = excluded.body, deleted = excluded.deleted,
    expires = excluded.expires
    WHERE excluded.event > online.event
"""
_APPEND = "INSERT INTO offline (uid, event, invoked, deleted, body) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Change:
    """One record to be written, and where.

    Attributes:
        deleted: It is a marker that the record is no more.
    """

    uid: str
    record: Record
    online: bool
    offline: bool
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to go offline for one feature group."""

    uid: str
    rows: int
    oldest: float
    newest: float


class Ledger:
    """The tables of all feature groups."""

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        self._db = database.connect(path, _SCHEMA, salvage=salvage)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def write(self, changes: Iterable[Change], now: float) -> None:
        """Write records in one transaction."""
        online, offline = [], []
        for change in changes:
            record = change.record
            body = json.dumps(record.values)
            if change.online:
                online.append((change.uid, record.record_id, record.event,
                               None if change.deleted else body, change.deleted,
                               record.expires))  # fmt: skip
            if change.offline:
                offline.append((change.uid, record.event, now, change.deleted, body))
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_PUT, online)
            self._db.executemany(_APPEND, offline)

    def remove(self, change: Change, now: float) -> bool:
        """Hard-delete a record; say whether its event time allowed that."""
        record = change.record
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if change.online:
                key = (change.uid, record.record_id)
                newer = self._db.execute(
                    "SELECT 1 FROM online WHERE uid = ? AND record_id = ? AND event >= ?",
                    (*key, record.event),
                ).fetchone()
                if newer:
                    return False
                self._db.execute("DELETE FROM online WHERE uid = ? AND record_id = ?", key)
            if change.offline:
                body = json.dumps(record.values)
                self._db.execute(_APPEND, (change.uid, record.event, now, 1, body))
        return True

    def get(
        self, uid: str, record_id: str, now: float
    ) -> tuple[dict[str, str], float | None] | None:
        """Return a record's values and expiry, or None if it is deleted, expired or unknown."""
        with self._lock:
            row = self._db.execute(
                "SELECT body, expires FROM online WHERE uid = ? AND record_id = ? AND NOT deleted "
                "AND (expires IS NULL OR expires > ?)",
                (uid, record_id, now),
            ).fetchone()
        return None if row is None else (json.loads(row[0]), row[1])

    def record_ids(
        self, uid: str, after: str, limit: int, now: float, *, deleted: bool
    ) -> list[str]:
        """Return the ids after one, in order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT record_id FROM online WHERE uid = ? AND record_id > ? "
                "AND (? OR NOT deleted) AND (expires IS NULL OR expires > ?) "
                "ORDER BY record_id LIMIT ?",
                (uid, after, deleted, now, limit),
            ).fetchall()
        return [row[0] for row in rows]

    def note_sink(self, uid: str, document: Document) -> None:
        """Remember a group's document, so that its rows can be flushed even after its deletion."""
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO sinks VALUES (?, ?)", (uid, json.dumps(document))
            )

    def sinks(self) -> dict[str, Document]:
        """Return the remembered groups by uid."""
        with self._lock:
            rows = self._db.execute("SELECT uid, body FROM sinks").fetchall()
        return {uid: json.loads(body) for uid, body in rows}

    def backlogs(self) -> list[Backlog]:
        """Return what waits, by group."""
        with self._lock:
            rows = self._db.execute(
                "SELECT uid, count(*), min(invoked), max(invoked) FROM offline "
                "WHERE flushed IS NULL GROUP BY uid"
            ).fetchall()
        return [Backlog(*row) for row in rows]

    def assign(self, uid: str, flush: str, limit: int) -> None:
        """Give the oldest waiting rows of a group to a flush, durably, before any upload."""
        with self._lock:
            self._db.execute(
                "UPDATE offline SET flush = ? WHERE seq IN (SELECT seq FROM offline "
                "WHERE flushed IS NULL AND uid = ? AND flush IS NULL ORDER BY seq LIMIT ?)",
                (flush, uid, limit),
            )

    def flushes(self, uid: str) -> list[str]:
        """Return the flushes of a group that are assigned but not known to be uploaded."""
        with self._lock:
            rows = self._db.execute(
                "SELECT DISTINCT flush FROM offline WHERE flushed IS NULL AND uid = ? "
                "AND flush IS NOT NULL ORDER BY flush",
                (uid,),
            ).fetchall()
        return [row[0] for row in rows]

    def rows(self, uid: str, flush: str) -> list[tuple[float, float, int, str]]:
        """Return (event, invoked, deleted, body) of a flush's rows, in the order of writing."""
        with self._lock:
            return self._db.execute(
                "SELECT event, invoked, deleted, body FROM offline "
                "WHERE uid = ? AND flush = ? ORDER BY seq",
                (uid, flush),
            ).fetchall()

    def uploaded(self, uid: str, flush: str, now: float) -> None:
        """Note that a flush is in S3; forget those of long ago."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "UPDATE offline SET flushed = ? WHERE uid = ? AND flush = ?", (now, uid, flush)
            )
            self._db.execute("DELETE FROM offline WHERE flushed < ?", (now - _KEPT_SECONDS,))

    def upload_again(self, now: float) -> None:
        """Have what was uploaded in the last seconds uploaded once more; forget the rest."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM offline WHERE flushed < ?", (now - _KEPT_SECONDS,))
            self._db.execute("UPDATE offline SET flushed = NULL WHERE flushed IS NOT NULL")

    def forget(self, uid: str) -> None:
        """Remove a deleted group's online records, and its sink once nothing waits for it."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM online WHERE uid = ?", (uid,))
            self._db.execute(
                "DELETE FROM sinks WHERE uid = ? AND NOT EXISTS "
                "(SELECT 1 FROM offline WHERE offline.uid = sinks.uid)",
                (uid,),
            )
