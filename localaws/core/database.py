"""SQLite files of the state: opened and checked, rebuilt from what can be read when damaged.

Schemas and statements belong to whoever keeps something in such a file.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from localaws.core.damage import WAY_OUT, DamagedError, set_aside

if TYPE_CHECKING:
    from pathlib import Path


def connect(path: Path, schema: str, *, salvage: bool) -> sqlite3.Connection:
    """Open a database in WAL mode, in which a committed change survives a killed process.

    (``synchronous=NORMAL`` syncs at checkpoints only: a power cut may lose the newest commits,
    never the database's consistency, https://www.sqlite.org/pragma.html#pragma_synchronous.)

    Args:
        path: The file, made if there is none.
        schema: Statements that make what is missing.
        salvage: Rebuild a damaged file from what can be read of it.

    Raises:
        DamagedError: The file is damaged.
    """
    try:
        return _open(path, schema)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        kept = _readable(path)
        rows = sum(len(found) for found in kept.values())
        if not salvage:
            raise DamagedError(
                f"{path} is damaged ({error}). What can be kept: {rows} rows. {WAY_OUT}"
            ) from error
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if name.exists():
            set_aside(name)
    database = _open(path, schema)
    for table, found in kept.items():
        _refill(database, table, found)
    return database


def _open(path: Path, schema: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        _check(database)
        database.executescript(schema)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection) -> None:
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        damage = sqlite3.DatabaseError(found)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _readable(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return each table's rows: from the front up to the damage, and from the back."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables: list[str] = []
        with contextlib.suppress(sqlite3.DatabaseError):
            query = (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
            tables = [name for (name,) in database.execute(query)]
        for table in tables:
            columns = database.execute(f'PRAGMA table_info("{table}")').fetchall()
            key = [f'"{c[1]}"' for c in sorted(columns, key=lambda c: c[5]) if c[5]] or ["rowid"]
            rows: dict[tuple[object, ...], None] = {}
            for direction in ("ASC", "DESC"):
                order = ", ".join(f"{name} {direction}" for name in key)
                with contextlib.suppress(sqlite3.DatabaseError):
                    for row in database.execute(f'SELECT * FROM "{table}" ORDER BY {order}'):  # noqa: S608 - names from the file's own schema
                        rows[row] = None
            found[table] = list(rows)
    return found


def _refill(database: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
        return  # of another version: it stays in the file set aside
    width = len(database.execute(f'PRAGMA table_info("{table}")').fetchall())
    whole = [row for row in rows if len(row) == width]
    marks = ", ".join("?" * width)
    database.execute("BEGIN")
    database.executemany(f'INSERT OR IGNORE INTO "{table}" VALUES ({marks})', whole)  # noqa: S608 - a name of our own schema
    database.execute("COMMIT")
