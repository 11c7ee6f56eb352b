"""ListBuckets in pages: moto cuts the list at MaxBuckets and gives no token to go on with.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_LIST = re.compile(rb"<Buckets>(.*)</Buckets>", re.DOTALL)
_BUCKET = re.compile(rb"<Bucket>.*?<Name>([^<]+)</Name>.*?</Bucket>", re.DOTALL)
_MOST = 10_000


class BucketListing(Guard):
    """S3's list of buckets."""

    def list_buckets(self, call: Call, request: Document, passing: Passing) -> Response:
        """List a page of buckets by name, and where the next begins.

        Raises:
            ServiceError: InvalidArgument: the token is none of ours.
        """
        if "MaxBuckets" not in request and "ContinuationToken" not in request:
            return passing.on()
        asked = parse_qsl(passing.request.query, keep_blank_values=True)
        kept = [pair for pair in asked if pair[0] not in {"max-buckets", "continuation-token"}]
        answer = passing.ask(replace(passing.request, query=urlencode(kept)))
        after, limit = _name(request.get("ContinuationToken")), request.get("MaxBuckets", _MOST)
        found = sorted((item[1], item[0]) for item in _BUCKET.finditer(answer.body))
        rest = [pair for pair in found if pair[0] > after]
        listed = b"<Buckets>" + b"".join(text for _, text in rest[:limit]) + b"</Buckets>"
        if len(rest) > limit:
            token = base64.urlsafe_b64encode(rest[limit - 1][0])
            listed += b"<ContinuationToken>" + token + b"</ContinuationToken>"
        answer.body = _LIST.sub(lambda _: listed, answer.body, count=1)
        return answer


def _name(token: str | None) -> bytes:
    try:
        return base64.urlsafe_b64decode(token or "")
    except (binascii.Error, ValueError):
        raise ServiceError(
            "InvalidArgument", "The continuation token provided is incorrect"
        ) from None
