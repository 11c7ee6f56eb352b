"""Requests that cannot even be read, refused in the protocol they seem to be written in.

Codes are S3's (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) and those
common to AWS's other services
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html). What is wrong with a
request that can be read belongs to parsing and validation.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.routing import unread
from localaws.core.serializing import serialize_error

if TYPE_CHECKING:
    from localaws.core.http import Request, Response

#: Why, as HTTP's own status tells: code and status for S3, and for everyone else.
_CODES = {
    400: (("InvalidRequest", 400), ("MalformedHttpRequestException", 400)),
    405: (("MethodNotAllowed", 405), ("MalformedHttpRequestException", 405)),
    408: (("RequestTimeout", 400), ("RequestTimeoutException", 408)),
    413: (("EntityTooLarge", 400), ("RequestEntityTooLargeException", 413)),
    414: (("RequestHeaderSectionTooLarge", 400), ("RequestEntityTooLargeException", 414)),
    500: (("InternalError", 500), ("InternalFailure", 500)),
    501: (("NotImplemented", 501), ("NotImplementedException", 501)),
    505: (("InvalidRequest", 400), ("MalformedHttpRequestException", 400)),
}


def refuse(request: Request, status: int, message: str) -> Response:
    """Return the answer to a request of which perhaps not even the headers are known.

    Args:
        request: What is known of it.
        status: HTTP's status for what is wrong with it.
        message: What is wrong.
    """
    asked = unread(request)
    for_s3, for_others = _CODES[status]
    code, answered = for_s3 if asked.protocol == "rest-xml" else for_others
    error = ServiceError(code, message or "The request cannot be read.", status=answered)
    response = serialize_error(asked, error, str(uuid.uuid4()))
    response.headers["Connection"] = "close"
    return response
