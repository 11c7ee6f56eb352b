"""moto's whole state as one file: collected, written so that it is never half there, read back.

When to write belongs to the keeper; how single objects become bytes, to pickling.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from localaws.core.bodies import Bodies
from localaws.core.pickling import MotoPickler, MotoUnpickler

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.core.passthrough import Moto

_FORMAT = 1
_WAY_OUT = "Start afresh with `make clean-state`, or put back what wrote it."


class SnapshotError(RuntimeError):
    """The snapshot on disk cannot be used. The message says why and what to do."""


class Snapshot:
    """The snapshot of a state folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "snapshot.bin"
        self._bodies = Bodies(folder / "objects")

    def save(self, moto: Moto) -> None:
        """Write moto's state down; on return it survives a power cut."""
        with moto.lock:
            payload, digests = self._collect(moto.loaded_services())
        self._bodies.sync()
        header = {
            "format": _FORMAT,
            "moto": version("moto"),
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        _replace(self._path, json.dumps(header).encode() + b"\n" + payload)
        self._bodies.keep_only(digests)

    def load(self) -> None:
        """Give moto the state written last; without one, nothing happens.

        Raises:
            SnapshotError: It is damaged, or another version of moto wrote it.
        """
        if not self._path.exists():
            return
        first_line, _, payload = self._path.read_bytes().partition(b"\n")
        self._check(first_line, payload)
        try:
            state = MotoUnpickler(io.BytesIO(payload), self._bodies).load_state()
        except (pickle.UnpicklingError, AttributeError, ImportError, TypeError) as error:
            raise SnapshotError(f"Cannot read {self._path}: {error}. {_WAY_OUT}") from error
        _give(state)

    def _check(self, first_line: bytes, payload: bytes) -> None:
        try:
            header = json.loads(first_line)
        except ValueError as error:
            raise SnapshotError(f"{self._path} is not a snapshot. {_WAY_OUT}") from error
        if header.get("format") != _FORMAT or header.get("moto") != version("moto"):
            raise SnapshotError(
                f"{self._path} was written by moto {header.get('moto')} (format "
                f"{header.get('format')}); this is moto {version('moto')} (format {_FORMAT}), "
                f"which cannot read it. {_WAY_OUT}"
            )
        if header.get("sha256") != hashlib.sha256(payload).hexdigest():
            raise SnapshotError(f"{self._path} is damaged. {_WAY_OUT}")

    def _collect(self, services: list[str]) -> tuple[bytes, set[str]]:
        from moto.s3.models import FakeKey

        state = {
            service: {
                account: dict(dict.items(backends))
                for account, backends in dict.items(_backends(service))
            }
            for service in services
        }
        file = io.BytesIO()
        pickler = MotoPickler(file, self._bodies, FakeKey)
        pickler.dump({"services": state, "buckets": dict(_backends("s3").bucket_accounts)})
        return file.getvalue(), pickler.digests


def forget(moto: Moto) -> None:
    """Empty moto, whose state otherwise lives as long as the process."""
    for service in moto.loaded_services():
        _backends(service).clear()
        if service == "s3":
            _backends(service).bucket_accounts.clear()


def _give(state: dict[str, Any]) -> None:
    for service, accounts in state["services"].items():
        backends = _backends(service)
        for account, regions in accounts.items():
            dict.update(backends[account], regions)
    _backends("s3").bucket_accounts.update(state["buckets"])


def _backends(service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
