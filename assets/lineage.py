"""Column-level lineage: which column of which table each column of a dataset comes from.

Read from the SQL by sqlglot, shown by the Dagster UI. Lineage between tables is the assets' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.parts import asset_key
from usecases import asset_keys
from usecases.column_lineage import origins

if TYPE_CHECKING:
    from usecases.declaration import UseCase
    from usecases.fields import Dataset


def column_lineage(use_case: UseCase, dataset: Dataset) -> dg.TableColumnLineageMetadataValue:
    """Return the source columns of each column, for ``dagster/column_lineage``."""
    text = use_case.queries[dataset.name]
    schema = {name: dict(table.columns) for name, table in use_case.sources.tables.items()}
    for name, table in use_case.sources.tables.items():
        if table.partition_key:
            schema[name][table.partition_key] = "string"
    found = origins(text, use_case.sources.database, schema)
    return dg.MetadataValue.column_lineage(
        dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(
                        asset_key(asset_keys.source(use_case.sources.database, table)), name
                    )
                    for table, name in sources
                ]
                for column, sources in found.items()
            }
        )
    )
