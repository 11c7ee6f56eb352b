"""pyiceberg's door to S3: one boto3 client, hence one caller's permissions. No table is known here.

pyiceberg would bring a client of its own, with whatever credentials the process finds.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING = {"404", "NoSuchKey", "NotFound"}


class S3FileIO(FileIO):
    """Files of a table, as one caller may read and write them.

    Args:
        client: S3 in the caller's name.
        may_read: Raises if the caller may not read an object (bucket, key), before it is read.
        put_arguments: Further arguments of PutObject, as those of encryption.
    """

    def __init__(
        self, client: Any, may_read: Callable[[str, str], None] | None = None,
        put_arguments: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.client = client
        self._may_read = may_read
        self._put_arguments = put_arguments or {}

    def new_input(self, location: str) -> InputFile:
        """Return a file to read."""
        return _Input(self, location)

    def new_output(self, location: str) -> OutputFile:
        """Return a file to write; it is in S3 once its stream is closed."""
        return _Output(self, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file; one that is not there is no error, as with S3."""
        bucket, key = split(location if isinstance(location, str) else location.location)
        self.client.delete_object(Bucket=bucket, Key=key)

    def read(self, location: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: It is not there.
        """
        bucket, key = split(location)
        if self._may_read is not None:
            self._may_read(bucket, key)
        try:
            body: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                raise FileNotFoundError(location) from error
            raise
        return body

    def put(self, location: str, body: bytes, *, new: bool = False) -> None:
        """Store a file.

        Raises:
            FileExistsError: It is there already, and must be new.
        """
        bucket, key = split(location)
        arguments = self._put_arguments | ({"IfNoneMatch": "*"} if new else {})
        try:
            self.client.put_object(Bucket=bucket, Key=key, Body=body, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                raise FileExistsError(location) from error
            raise

    def size(self, location: str) -> int | None:
        """Return a file's length in bytes, or None if it is not there."""
        bucket, key = split(location)
        try:
            return int(self.client.head_object(Bucket=bucket, Key=key)["ContentLength"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise


def split(location: str) -> tuple[str, str]:
    """Return bucket and key of an address as ``s3://bucket/key``.

    Raises:
        FileNotFoundError: It is no address in S3.
    """
    scheme, _, rest = location.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in {"s3", "s3a", "s3n"} or not key:
        raise FileNotFoundError(f"'{location}' is no file in S3")
    return bucket, key


class _Input(InputFile):
    def __init__(self, files: S3FileIO, location: str) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        found = self._files.size(self.location)
        if found is None:
            raise FileNotFoundError(self.location)
        return found

    def exists(self) -> bool:
        return self._files.size(self.location) is not None

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002, FBT001, FBT002 - pyiceberg's
        return io.BytesIO(self._files.read(self.location))


class _Output(OutputFile):
    def __init__(self, files: S3FileIO, location: str) -> None:
        super().__init__(location)
        self._files = files
        self._written: int | None = None

    def __len__(self) -> int:
        known = self._written if self._written is not None else self._files.size(self.location)
        if known is None:
            raise FileNotFoundError(self.location)
        return known

    def exists(self) -> bool:
        return self._files.size(self.location) is not None

    def to_input_file(self) -> InputFile:
        return self._files.new_input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: FBT001, FBT002 - pyiceberg's
        return _Upload(self, new=not overwrite)

    def store(self, body: bytes, *, new: bool) -> None:
        self._files.put(self.location, body, new=new)
        self._written = len(body)


class _Upload(io.BytesIO):
    """What is written, until it is complete: S3 has whole objects only."""

    def __init__(self, output: _Output, *, new: bool) -> None:
        super().__init__()
        self._output = output
        self._new = new

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.close()
        super().close()  # half a file is none

    def close(self) -> None:
        if not self.closed:
            self._output.store(self.getvalue(), new=self._new)
        super().close()
