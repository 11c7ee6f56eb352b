"""What CompleteMultipartUpload says of parts and whole, checked against what was uploaded.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.s3 import combining
from localaws.services.s3.checksums import LENGTHS
from localaws.services.s3.failures import invalid_request, malformed, not_performed
from localaws.services.s3.payload import bad_digest, value_of

if TYPE_CHECKING:
    from localaws.core.provider import Document
    from localaws.services.s3.uploads import Part


def check_parts(upload: Document, listed: list[Document], stored: dict[int, Part]) -> None:
    """Check the list of parts: its order, and checksums. Moto checks ETags and sizes.

    Raises:
        ServiceError: ``MalformedXML``, ``InvalidPartOrder``, ``InvalidPart``, ``InvalidRequest``.
    """
    numbers = [each.get("PartNumber", 0) for each in listed]
    if not listed or not all("ETag" in each for each in listed):
        raise malformed()
    if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
        raise ServiceError(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        )
    for each in listed:
        _check_part(upload, each, stored.get(each["PartNumber"]))


def check_whole(upload: Document, request: Document, parts: list[Part | None]) -> None:
    """Check size and checksum of the whole, where the request tells them.

    Raises:
        ServiceError: ``BadDigest``, ``InvalidRequest``, or ``NotImplemented`` if a part came
            without what it takes.
    """
    told = [name for name in LENGTHS if f"Checksum{name}" in request]
    if not told and "MpuObjectSize" not in request:
        return
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        raise not_performed("checks of an object with copied parts")
    size = sum(part.size for part in known)
    if request.get("MpuObjectSize", size) != size:
        raise invalid_request(
            f"The provided 'x-amz-mp-object-size' header does not match what was computed: {size}"
        )
    for algorithm in told:
        if request[f"Checksum{algorithm}"] != _expected(upload, algorithm, known):
            raise bad_digest(algorithm)


def _check_part(upload: Document, told: Document, part: Part | None) -> None:
    named = {name: told[f"Checksum{name}"] for name in LENGTHS if f"Checksum{name}" in told}
    needed = upload["algorithm"]
    if upload["type"] == "COMPOSITE" and needed not in named:
        raise invalid_request(
            f"The upload was created using a {needed.lower()} checksum. The complete request must "
            f"include the checksum for each part. It was missing for part {told['PartNumber']} in "
            "the request."
        )
    if part is None:
        return  # never uploaded, which moto says, or copied
    for algorithm, value in named.items():
        if part.checksums.get(algorithm) != value:
            raise ServiceError(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have "
                "been uploaded, or the specified entity tag may not match the part's entity tag: "
                f"the {algorithm} of part {told['PartNumber']} is another.",
            )


def _expected(upload: Document, algorithm: str, parts: list[Part]) -> str:
    if any(algorithm not in part.checksums for part in parts):
        raise not_performed(f"checks of a whole whose parts came without {algorithm}")
    values = [value_of(algorithm, part.checksums[algorithm]) for part in parts]
    if upload["type"] == "COMPOSITE":
        digest = combining.composite(algorithm, values)
        return f"{base64.b64encode(digest).decode()}-{len(parts)}"
    if not combining.combines(algorithm):
        raise invalid_request(f"{algorithm} cannot be the checksum of a whole object")
    sizes = [part.size for part in parts]
    digest = combining.whole(algorithm, list(zip(values, sizes, strict=True)))
    return base64.b64encode(digest).decode()
