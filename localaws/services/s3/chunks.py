"""The aws-chunked encoding of a body, taken apart. Checking what was in it belongs to payload.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
Signatures of chunks are not verified, as no signature is here.
"""

from __future__ import annotations

from localaws.core.errors import ServiceError


def decode(body: bytes, length: str | None) -> tuple[bytes, dict[str, str]]:
    """Return a body's content and its trailing headers (lower case).

    Args:
        body: As sent.
        length: The ``x-amz-decoded-content-length`` header.

    Raises:
        ServiceError: ``MissingContentLength`` or ``IncompleteBody``.
    """
    if length is None or not length.isdigit():
        raise ServiceError(
            "MissingContentLength", "You must provide x-amz-decoded-content-length.", status=411
        )
    view = memoryview(body)
    pieces: list[memoryview] = []
    position, size = _size(body, 0)
    while size:
        if body[position + size : position + size + 2] != b"\r\n":
            raise _incomplete(f"a chunk of {size} bytes does not end where it should")
        pieces.append(view[position : position + size])
        position, size = _size(body, position + size + 2)
    content = b"".join(pieces)
    if len(content) != int(length):
        raise _incomplete(f"{length} bytes were announced, {len(content)} came")
    return content, _trailers(body[position:])


def _size(body: bytes, position: int) -> tuple[int, int]:
    end = body.find(b"\r\n", position)
    try:
        # Without a line's end there is nothing to read: int(b"") fails as well.
        return end + 2, int(body[position : max(end, position)].partition(b";")[0], 16)
    except ValueError as error:
        raise _incomplete(f"no chunk begins at byte {position}") from error


def _trailers(rest: bytes) -> dict[str, str]:
    trailers: dict[str, str] = {}
    for line in rest.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name:
            trailers[name.strip().lower()] = value.strip()
    return trailers


def _incomplete(why: str) -> ServiceError:
    return ServiceError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header: "
        f"{why}",
    )
