"""Buckets: their names, their versioning, their default encryption.

Their lock configuration belongs to locks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.s3 import asking
from localaws.services.s3.failures import not_performed
from localaws.services.s3.objects import Objects

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAME = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"(\d{1,3}\.){3}\d{1,3}")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


class Buckets(Objects):
    """Guards the operations on buckets."""

    def create_bucket(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a bucket with a name AWS would take."""
        if not is_bucket_name(request["Bucket"]):
            raise ServiceError("InvalidBucketName", "The specified bucket is not valid.")
        bucket = request["Bucket"]
        with self.keys.defaults.changing(bucket), self.suspended.changing(bucket):
            return passing.on()

    def delete_bucket(self, call: Call, request: Document, passing: Passing) -> Response:
        """Delete a bucket; another one of the same name has settings of its own."""
        bucket = request["Bucket"]
        with self.keys.defaults.changing(bucket), self.suspended.changing(bucket):
            return passing.on()

    def put_bucket_encryption(self, call: Call, request: Document, passing: Passing) -> Response:
        """Set the default encryption; as on AWS its key is not checked until it is used."""
        with self.keys.defaults.changing(request["Bucket"]):
            return passing.on()

    def delete_bucket_encryption(self, call: Call, request: Document, passing: Passing) -> Response:
        """Remove the default encryption."""
        with self.keys.defaults.changing(request["Bucket"]):
            return passing.on()

    def put_bucket_versioning(self, call: Call, request: Document, passing: Passing) -> Response:
        """Enable or suspend versioning; objects of a suspended bucket cannot be written.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
        """
        wanted = request.get("VersioningConfiguration", {})
        if wanted.get("MFADelete") == "Enabled":
            raise not_performed("MFA delete")
        suspends = wanted.get("Status") == "Suspended"
        if suspends and asking.setting(passing, request["Bucket"], "object-lock"):
            raise ServiceError(
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state "
                "cannot be changed.",
                status=409,
            )
        with self.suspended.changing(request["Bucket"]):
            return passing.on()


def is_bucket_name(name: str) -> bool:
    """Tell whether a general purpose bucket may be named so."""
    if not _NAME.fullmatch(name) or _ADDRESS.fullmatch(name):
        return False
    return not name.startswith(_PREFIXES) and not name.endswith(_SUFFIXES)
