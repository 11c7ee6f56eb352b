"""The Glue catalogue for Iceberg tables: pyiceberg's, with Glue and S3 as the caller has them.

A commit writes the new metadata beside the old, then moves the table's pointer in Glue by an
UpdateTable that names the version it saw. Whoever is second is refused there and begins anew on
the first one's snapshot. A process that dies between the two leaves files that nothing refers to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.typedef import EMPTY_DICT

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.typedef import Properties

    from localaws.iceberg.file_io import S3FileIO

#: Table properties live in the metadata file; Athena does not repeat them in Glue.
#: https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-alter-table-set-properties.html
_OF_THE_METADATA = ("write.", "read.", "commit.", "history.", "schema.", "vacuum_", "optimize_")


class Catalog(GlueCatalog):
    """Iceberg tables of one caller's Glue catalogue."""

    def __init__(self, glue: Any, files: S3FileIO) -> None:
        super().__init__("glue", client=glue)
        self._files = files

    def _load_file_io(  # the table's properties do not choose how S3 is reached
        self,
        properties: Properties = EMPTY_DICT,  # noqa: ARG002 - pyiceberg's signature
        location: str | None = None,  # noqa: ARG002
    ) -> FileIO:
        return self._files

    def _is_s3tables_database(self, database_name: str) -> bool:  # noqa: ARG002 - pyiceberg's
        return False  # S3 Tables is not performed here; asking would need glue:GetDatabase

    def _create_glue_table(self, database_name: str, table_name: str, table_input: Any) -> None:
        super()._create_glue_table(database_name, table_name, _as_athena_does(table_input))

    def _update_glue_table(
        self, database_name: str, table_name: str, table_input: Any, version_id: str
    ) -> None:
        super()._update_glue_table(
            database_name, table_name, _as_athena_does(table_input), version_id
        )


def _as_athena_does(table_input: dict[str, Any]) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in table_input["Parameters"].items()
        if not name.startswith(_OF_THE_METADATA)
    }
    return table_input | {"Parameters": kept}
