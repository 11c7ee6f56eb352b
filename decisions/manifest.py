"""A training set's manifest: what it was made from, and the digest of every file it consists of.

Shapes and what must hold within one manifest. Reading files and comparing them is somebody else's
work (assets/manifests.py); the pipeline's Validate step reads ``files`` from the same JSON.
"""

import hashlib
import json
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from decisions.model import Fact

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SourceVersion(Fact):
    """One table that was read, at the version it had.

    Attributes:
        table: ``database.name`` in Glue.
        dataset: The dataset whose rows it holds, and that dataset's digest.
        records: How many records the offline table held that were written by the cut-off.
        last_written: When the last of them was written, naive UTC.
        snapshot: The Iceberg snapshot that was current when the version was read, if it is one.
    """

    kind: Literal["dataset", "feature_group"]
    table: str
    dataset: str
    digest: str
    records: int | None = None
    last_written: datetime | None = None
    snapshot: str | None = None


class FileEntry(Fact):
    """One Parquet file, by its path below the manifest's folder."""

    path: str
    sha256: Sha256
    rows: int = Field(ge=0)
    bytes: int = Field(ge=1)


class ColumnEntry(Fact):
    """One column, with its Glue type."""

    name: str
    type: str


class Manifest(Fact):
    """What names a training set: the sha256 of this document's JSON.

    Attributes:
        digest: Of the query and the versions of what it reads; names the folder.
        window: Event times from the first until before the second, naive UTC.
        as_of: Data time: only labels due by then count.
        written_by: Feature records written later were left out; naive UTC.
        rows_sha256: Of the rows as a multiset, whatever files hold them in whatever order. Two sets
            with equal rows_sha256 hold the same rows, though an engine may have cut and ordered
            their files otherwise.
    """

    format: Literal[1] = 1
    use_case: str
    digest: Sha256
    window: tuple[datetime, datetime]
    as_of: datetime
    written_by: datetime | None
    inputs: dict[str, SourceVersion]
    sql: str
    sql_sha256: Sha256
    columns: tuple[ColumnEntry, ...]
    rows: int = Field(ge=1)
    rows_sha256: Sha256
    files: tuple[FileEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees(self) -> "Manifest":
        if sum(file.rows for file in self.files) != self.rows:
            raise ValueError(f"the files' rows do not add up to {self.rows}")
        if hashlib.sha256(self.sql.encode()).hexdigest() != self.sql_sha256:
            raise ValueError("sql_sha256 is not the digest of sql")
        for path in (PurePosixPath(file.path) for file in self.files):
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{path} does not lie below the manifest's folder")
        return self

    def body(self) -> bytes:
        """Give the JSON that is stored, the same for the same manifest."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1).encode()

    @property
    def sha256(self) -> str:
        """Give the name of the set."""
        return hashlib.sha256(self.body()).hexdigest()
