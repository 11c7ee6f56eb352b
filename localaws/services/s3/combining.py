"""Checksums of an object from those of its parts. Which parts there are belongs to multipart."""

from __future__ import annotations

import functools

from localaws.services.s3.checksums import LENGTHS, digest

#: Polynomials, lowest power first, of the checksums that combine.
_POLYNOMIALS = {
    "CRC32": 0xEDB88320,
    "CRC32C": 0x82F63B78,
    "CRC64NVME": 0x9A6C9329AC4BC9B5,
}
Matrix = tuple[int, ...]


def combines(algorithm: str) -> bool:
    """Tell whether the checksum of a whole follows from those of its parts."""
    return algorithm in _POLYNOMIALS


def composite(algorithm: str, parts: list[bytes]) -> bytes:
    """Return the checksum of the parts' checksums, one after the other."""
    return digest(algorithm, b"".join(parts))


def whole(algorithm: str, parts: list[tuple[bytes, int]]) -> bytes:
    """Return the checksum of the parts' contents joined, without the contents.

    Args:
        algorithm: One that ``combines``.
        parts: Checksum and length in bytes of each, in order.
    """
    crc = 0
    for checksum, length in parts:
        crc = _apply(_zeros(algorithm, length), crc) ^ int.from_bytes(checksum, "big")
    return crc.to_bytes(LENGTHS[algorithm], "big")


@functools.lru_cache(maxsize=256)
def _zeros(algorithm: str, length: int) -> Matrix:
    # What appending `length` zero bytes does to a CRC is linear: a matrix over bits, by squaring.
    bits = LENGTHS[algorithm] * 8
    result = tuple(1 << bit for bit in range(bits))
    power = (_POLYNOMIALS[algorithm], *(1 << bit for bit in range(bits - 1)))
    remaining = length * 8
    while remaining:
        if remaining & 1:
            result = tuple(_apply(power, row) for row in result)
        power = tuple(_apply(power, row) for row in power)
        remaining >>= 1
    return result


def _apply(matrix: Matrix, vector: int) -> int:
    total = 0
    for row in matrix:
        if vector & 1:
            total ^= row
        vector >>= 1
    return total
