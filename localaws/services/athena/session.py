"""One query's working surroundings: connection, catalogue, S3, and how to plan within them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localaws.services.athena.catalog import GlueCatalog
from localaws.services.athena.iceberg_tables import IcebergTables
from localaws.services.athena.relations import Plan, Planner, place_in
from localaws.services.athena.scan import Scanner

if TYPE_CHECKING:
    from sqlglot import exp

    from localaws.services.athena.catalog import Column, TableInfo
    from localaws.services.athena.failures import Place
    from localaws.services.athena.objects import MayRead, ObjectCache


class Session:
    """What a statement runs in.

    Attributes:
        database: The database unqualified names are looked up in.
        enforced: Whether the workgroup enforces its own output location.
        iceberg: The Iceberg tables, as this statement sees them.
        data_bytes: Bytes of the files all plans so far read.
        cutoff: Most bytes the workgroup lets a query scan, if it says.
    """

    def __init__(  # noqa: PLR0913 - the parts of a session, by keyword
        self, *, query_id: str, text: str, database: str, enforced: bool, cutoff: int | None,
        connection: Any, glue: Any, s3: Any, may_read: MayRead, cache: ObjectCache,
        scratch_root: Path,
    ) -> None:  # fmt: skip
        self.query_id = query_id
        self.text = text
        self.database = database
        self.enforced = enforced
        self.cutoff = cutoff
        self.s3 = s3
        self.cache = cache
        self.catalog = GlueCatalog(glue)
        self.data_bytes = 0
        self._connection = connection
        self._scratch_root = scratch_root
        self.iceberg = IcebergTables(glue, s3, may_read, connection)
        scanner = Scanner(self.catalog, s3, may_read, cache, connection)
        self._planner = Planner(self.catalog, scanner, self.iceberg)

    def plan(self, query: exp.Expression) -> Plan:
        """Plan a query and account for what it reads.

        Raises:
            QueryFailedError: It cannot be planned, or would scan more than the workgroup allows.
        """
        plan = self._planner.plan(query, self.text, self.database)
        self.data_bytes += plan.data_bytes
        if self.cutoff is not None and self.data_bytes > self.cutoff:
            raise _cut_off()
        return plan

    def describe(self, sql: str) -> list[tuple[str, Any]]:
        """Return names and DuckDB types of a query's columns, without running it."""
        relation = self._connection.sql(sql)
        return list(zip(relation.columns, relation.types, strict=True))

    def number(self, query: exp.Expression) -> int:
        """Plan and run a query of one number."""
        return int(self.execute(self.plan(query).sql).fetchall()[0][0])

    def arrow(self, sql: str) -> Any:
        """Run a query of DuckDB's and return its rows as an Arrow table."""
        return self._connection.sql(sql).to_arrow_table()

    def execute(self, sql: str) -> Any:
        """Run DuckDB SQL; return the cursor."""
        return self._connection.execute(sql)

    def place(self, table: exp.Table) -> Place:
        """Return where a table is named in the statement."""
        return place_in(table, self.text)

    def scratch(self) -> Path:
        """Return a new empty folder."""
        return Path(tempfile.mkdtemp(dir=self._scratch_root))

    def create_table(
        self, database: str, name: str, storage: dict[str, Any], keys: list[Column],
        parameters: dict[str, str],
    ) -> TableInfo:  # fmt: skip
        """Create an external table in Glue and return it."""
        self.catalog.client.create_table(
            DatabaseName=database,
            TableInput={
                "Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": parameters,
                "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": key.name, "Type": key.type} for key in keys],
            },
        )  # fmt: skip
        return self.catalog.table(database, name)


def _cut_off() -> Exception:
    from localaws.services.athena.failures import QueryFailedError

    return QueryFailedError("Bytes scanned limit was exceeded", state="CANCELLED")
