"""Athena's CREATE TABLE AS to a location of its own: run once, adopted after a crash, checked.

What is selected, and what becomes of the table that is made, belongs to the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets.contracts import schema_breaches
from assets.parts import query_metadata
from assets.statements import create_table_as as create_table_as_sql
from resources.athena import REPEATS
from resources.errors import Missing, Terminal, Transient

if TYPE_CHECKING:
    from resources.glue import TableFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import Dataset


def stage(
    platform: Platform,
    use_case: UseCase,
    dataset: Dataset,
    name: str,
    *,
    prefix: str,
    query: str,
    salt: str,
    partitioned_by: tuple[str, ...] = (),
) -> tuple[TableFacts, dict[str, Any]]:
    """Make a dataset's data as a table of another name; return it and what the query took.

    Raises:
        Terminal: Athena refused the SQL, or the result's columns are not the declared ones.
    """
    database = platform.names.curated_database(use_case.name)
    file = use_case.folder / dataset.sql
    try:
        metadata = create_table_as(
            platform,
            database,
            name,
            prefix=prefix,
            query=query,
            salt=salt,
            partitioned_by=partitioned_by,
        )
    except Terminal as error:
        raise Terminal(
            f"{file}: {error}. Mend the SQL of dataset {dataset.name}; its last good table was "
            "kept."
        ) from error
    table = platform.catalogue.table(database, name)
    if breaches := schema_breaches(dataset, table.columns):
        raise Terminal(
            f"{file}: the result is not what is declared for dataset {dataset.name}: "
            f"{'; '.join(breaches)}. Mend the SQL or the declaration in "
            f"{use_case.folder / 'usecase.yaml'}. The last good table was kept."
        )
    return table, metadata


def create_table_as(
    platform: Platform,
    database: str,
    name: str,
    *,
    prefix: str,
    query: str,
    salt: str,
    partitioned_by: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Run a CTAS to a location of its own, or adopt what a killed run finished there.

    Athena creates the table last, so a table means that its data is whole; data without a table is
    debris, and Athena would refuse to write beside it. A failure that Athena calls retryable may
    have left either, so each repetition looks anew.
    """
    location = platform.lake.uri(prefix)
    statement = create_table_as_sql(name, query, location=location, partitioned_by=partitioned_by)
    for attempt in range(REPEATS + 1):
        attempt_salt = f"{salt}/{attempt}" if attempt else salt
        try:
            return _once(platform, database, name, prefix, statement=statement, salt=attempt_salt)
        except Transient as error:
            if error.code != "FAILED" or attempt == REPEATS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _once(
    platform: Platform, database: str, name: str, prefix: str, *, statement: str, salt: str
) -> dict[str, Any]:
    try:
        platform.catalogue.table(database, name)
    except Missing:
        platform.lake.delete_prefix(prefix)
    else:
        return {"adopted": f"{database}.{name}"}
    run = platform.athena.run(
        statement,
        database=database,
        intent=f"ctas {database}.{name}",
        salt=salt,
        repeats=0,
    )
    return query_metadata(run)
