"""moto's whole state as one file: collected, written so that it is never half there, read back.

When to write, and which of several files to read, belongs to core.generations; how single objects
become bytes, to pickling.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from localaws.core.bodies import sync_path
from localaws.core.damage import DamagedError, StateError
from localaws.core.pickling import MotoPickler, MotoUnpickler

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.core.bodies import Bodies
    from localaws.core.passthrough import Moto

_FORMAT = 2


def collect(moto: Moto, bodies: Bodies) -> tuple[bytes, set[str]]:
    """Return moto's state and the digests of the bodies it needs; moto's lock must be held."""
    from moto.s3.models import FakeKey

    state = {
        service: {
            account: dict(dict.items(backends))
            for account, backends in dict.items(_backends(service))
        }
        for service in moto.loaded_services()
    }
    file = io.BytesIO()
    pickler = MotoPickler(file, bodies, FakeKey)
    pickler.dump({"services": state, "buckets": dict(_backends("s3").bucket_accounts)})
    return file.getvalue(), pickler.digests


def write(path: Path, payload: bytes) -> None:
    """Write a snapshot; on return it survives a power cut. Without room, nothing is left of it."""
    header = {
        "format": _FORMAT,
        "moto": version("moto"),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            file.write(json.dumps(header).encode() + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def load(path: Path, bodies: Bodies, *, salvage: bool = False) -> tuple[set[str], list[str]]:
    """Give an empty moto the state in a file.

    Returns:
        The digests of the bodies it needs, and the names of objects whose body is not there;
        those are an error without ``salvage``.

    Raises:
        DamagedError: It is damaged.
        StateError: Another version of moto wrote it.
    """
    first_line, _, payload = path.read_bytes().partition(b"\n")
    _check(path, first_line, payload)
    unpickler = MotoUnpickler(io.BytesIO(payload), bodies, salvage=salvage)
    try:
        state = unpickler.load_state()
    except (pickle.UnpicklingError, AttributeError, ImportError, TypeError) as error:
        raise DamagedError(f"Cannot read {path}: {error}.") from error
    for service, accounts in state["services"].items():
        backends = _backends(service)
        for account, regions in accounts.items():
            dict.update(backends[account], regions)
    _backends("s3").bucket_accounts.update(state["buckets"])
    return unpickler.digests, unpickler.gone


def forget(moto: Moto) -> None:
    """Empty moto, whose state otherwise lives as long as the process."""
    for service in moto.loaded_services():
        _backends(service).clear()
        if service == "s3":
            _backends(service).bucket_accounts.clear()


def _check(path: Path, first_line: bytes, payload: bytes) -> None:
    try:
        header = json.loads(first_line)
    except ValueError as error:
        raise DamagedError(f"{path} is damaged: it is not a snapshot.") from error
    if header.get("format") != _FORMAT or header.get("moto") != version("moto"):
        raise StateError(
            f"{path} was written by moto {header.get('moto')} (format "
            f"{header.get('format')}); this is moto {version('moto')} (format {_FORMAT}), "
            "which cannot read it. Start afresh with `make clean-state`, or put back what wrote it."
        )
    if header.get("sha256") != hashlib.sha256(payload).hexdigest():
        raise DamagedError(f"{path} is damaged: its checksum is wrong.")


def _backends(service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)
