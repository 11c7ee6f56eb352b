"""What a query left behind in S3, read back: far quicker than by pages of a thousand rows.

GetQueryResults gives at most 1,000 rows a call
(https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html); the same values
lie in one CSV file: all quoted, quotes doubled, and nothing between the commas where a value is
null. Running queries, and what a text means as a value of its type, belongs to athena.py.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from resources.errors import call
from resources.objects import parse_s3_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A row must fit into a block; Athena's rows are at most 32 MB.
_BLOCK_BYTES = 32 * 1024 * 1024


def is_csv(uri: str) -> bool:
    """Say whether a query's output is a CSV of rows: that of a SELECT is, that of SHOW is not."""
    return uri.endswith(".csv")


def texts_of(s3: Any, uri: str, width: int) -> Iterator[tuple[str | None, ...]]:
    """Yield the texts of a SELECT's result, row by row, with some rows in memory at a time.

    Args:
        s3: An S3 client that may read the file.
        uri: The query's output location.
        width: How many columns it has.

    Raises:
        Missing: The file is gone.
        Terminal: It may not be read.
    """
    import pyarrow as pa
    from pyarrow import csv

    names = [str(place) for place in range(width)]
    bucket, key = parse_s3_uri(uri)
    with tempfile.TemporaryFile() as file:
        call(s3.download_fileobj, Bucket=bucket, Key=key, Fileobj=file)
        file.seek(0)
        batches = csv.open_csv(
            file,
            csv.ReadOptions(column_names=names, skip_rows_after_names=1, block_size=_BLOCK_BYTES),
            # A null in a table of one column is an empty line.
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in batches:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
