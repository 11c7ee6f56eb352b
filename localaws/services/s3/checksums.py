"""The checksums S3 accepts for an object's content: their names, lengths and how they are computed.

How a request carries one belongs to payload; checksums of several parts to combining.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Length in bytes of each checksum this server computes.
LENGTHS = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "MD5": 16,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
}
#: Those AWS takes besides, which no library here computes.
UNKNOWN = ("XXHASH64", "XXHASH3", "XXHASH128")


def digest(algorithm: str, content: bytes) -> bytes:
    """Return a content's checksum, big-endian as S3 writes it.

    Args:
        algorithm: A key of ``LENGTHS``.
        content: All of it.

    Raises:
        ServiceError: ``NotImplemented``: the library it takes is not installed.
    """
    if algorithm == "CRC32":
        return zlib.crc32(content).to_bytes(4, "big")
    if algorithm in _CYCLIC:
        return _CYCLIC[algorithm](content)
    return hashlib.new(algorithm.lower(), content, usedforsecurity=False).digest()


def not_computed(algorithm: str) -> ServiceError:
    """Answer for a checksum that cannot be verified here: nothing unverified is stored."""
    return ServiceError(
        "NotImplemented",
        f"The embedded AWS cannot compute {algorithm} and stores nothing unverified; "
        f"use one of {', '.join(LENGTHS)}.",
        status=501,
    )


def _crc32c(content: bytes) -> bytes:
    try:
        import crc32c
    except ImportError as error:
        raise not_computed("CRC32C") from error
    return int(crc32c.crc32c(content)).to_bytes(4, "big")


class _Crc64Nvme:
    """CRC64NVME; making the model takes longer than most contents, so it is made once."""

    def __init__(self) -> None:
        self._model: Callable[[bytes], int] | None = None

    def __call__(self, content: bytes) -> bytes:
        if self._model is None:
            try:
                import anycrc
            except ImportError as error:
                raise not_computed("CRC64NVME") from error
            self._model = anycrc.Model("CRC64-NVME").calc
        return int(self._model(content)).to_bytes(8, "big")


_CYCLIC: dict[str, Callable[[bytes], bytes]] = {"CRC32C": _crc32c, "CRC64NVME": _Crc64Nvme()}
