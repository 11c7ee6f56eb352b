"""SQL in Athena for a backtest: rows fetched as Arrow, by tables that are gone afterwards.

Rows come as Parquet from a CTAS rather than through Athena's result pages: a thousand rows a page
would be hours for a year. The tables are named by what they hold, so one that a killed backtest
left is taken over and then dropped; nothing else of the use case's database is touched.
"""

from __future__ import annotations

import io
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assets.ctas import create_table_as
from decisions.model import digest_of
from usecases.point_in_time import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resources.platform import Platform
    from usecases.declaration import UseCase

_PREFIX = "backtest"


class Scratch:
    """Temporary tables beside a use case's datasets."""

    def __init__(self, platform: Platform, use_case: UseCase) -> None:
        self.platform = platform
        self._raw = use_case.sources.database
        self._database = platform.names.curated_database(use_case.name)
        self._folder = f"{_PREFIX}/{use_case.name}/"

    def select(self, text: str, *, intent: str) -> list[dict[str, Any]]:
        """Run a query with few rows about the raw tables."""
        return self.platform.athena.select(text, database=self._raw, intent=intent)

    def fetch(self, query: str) -> Any:
        """Run a query and return its rows as a pyarrow table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        lake = self.platform.lake
        with self.tables({"rows": query}) as made:
            keys = sorted(each.key for each in lake.list(self._location(made["rows"].name)))
            parts = [pq.ParquetFile(io.BytesIO(lake.get(key))).read() for key in keys]
            return pa.concat_tables(parts, promote_options="permissive")

    @contextmanager
    def tables(self, queries: Mapping[str, str]) -> Iterator[dict[str, Table]]:
        """Make a table of each query; drop them when they have served."""
        made = {
            name: Table(self._database, f"{_PREFIX}__{name}_{digest_of(query)[:16]}")
            for name, query in queries.items()
        }
        try:
            for name, query in queries.items():
                self._create(made[name].name, query)
            yield made
        finally:
            for table in made.values():
                self.platform.catalogue.drop_table(self._database, table.name)
                self.platform.lake.delete_prefix(self._location(table.name))

    def _create(self, name: str, query: str) -> None:
        create_table_as(
            self.platform,
            self._database,
            name,
            prefix=self._location(name),
            query=query,
            # A token of its own: the table of an earlier backtest's token has been dropped.
            salt=uuid.uuid4().hex,
        )

    def _location(self, table: str) -> str:
        return f"{self._folder}{table}/"
