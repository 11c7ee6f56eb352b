"""Keys of KMS that objects are encrypted with: they must be there and usable.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
Nothing is encrypted here: contents are on disk as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from localaws.core.errors import ServiceError
from localaws.services.s3 import asking
from localaws.services.s3.failures import invalid_argument
from localaws.services.s3.remembered import Remembered

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.guard import Passing
    from localaws.core.provider import Call, Document

_KMS = frozenset({"aws:kms", "aws:kms:dsse"})
_ARN_PARTS = 6


class Keys:
    """Knows which key a new object gets, and asks KMS whether it may be used."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self.defaults = Remembered("encryption", _default_key)

    def check_written(self, call: Call, request: Document, passing: Passing) -> None:
        """Check the key that an object about to be written would be encrypted with.

        Raises:
            ServiceError: ``KMS.NotFoundException``, ``KMS.DisabledException``,
                ``KMS.KMSInvalidStateException``, or ``InvalidArgument``.
        """
        algorithm, key = request.get("ServerSideEncryption"), request.get("SSEKMSKeyId")
        if key and algorithm not in _KMS:
            raise invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms"
            )
        if algorithm is None:
            key = self.defaults.of(request["Bucket"], passing)
        if key:
            self.check(call, key)

    def check(self, call: Call, key: str) -> None:
        """Check that a key may be used.

        Args:
            call: Whose account and region a key without ARN is of.
            key: Id, ARN or alias.

        Raises:
            ServiceError: As in ``check_written``.
        """
        parts = key.split(":", 5)
        named = len(parts) == _ARN_PARTS
        region, account = (parts[3], parts[4]) if named else (call.region, call.account_id)
        try:
            found = self._context.unjudged_client("kms", account, region).describe_key(KeyId=key)
        except ClientError as error:
            raise _failure(error.response["Error"]["Code"], key) from error
        state = found["KeyMetadata"]["KeyState"]
        if state != "Enabled":
            raise _failure(_UNUSABLE.get(state, "KMSInvalidStateException"), key, state)


def _default_key(setting: str) -> str | None:
    kms = asking.element(setting, "SSEAlgorithm") in _KMS
    return asking.element(setting, "KMSMasterKeyID") if kms else None


_UNUSABLE = {"Disabled": "DisabledException"}


def _failure(code: str, key: str, state: str = "") -> ServiceError:
    what = f"is {state}" if state else "cannot be used"
    return ServiceError(f"KMS.{code}", f"The key {key} {what}.")
