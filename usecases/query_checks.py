"""A use case's SQL files: found, read, and held against what the declaration says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usecases import sql
from usecases.errors import Problem
from usecases.partition_reads import reaches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from usecases.declaration import UseCase
    from usecases.fields import Dataset
    from usecases.strict_yaml import Document

_MAXIMUM_SQL_BYTES = 256 * 1024


def read_queries(
    document: Document, datasets: tuple[Dataset, ...]
) -> tuple[dict[str, str], list[Problem]]:
    """Read the SQL files, which must lie inside the use case's folder."""
    queries: dict[str, str] = {}
    problems = []
    folder = document.path.parent
    for place, dataset in enumerate(datasets):
        file = folder / dataset.sql
        if (obstacle := _unreadable(folder, file)) is not None:
            problems.append(
                document.problem(
                    ("datasets", place, "sql"),
                    f"{dataset.sql} {obstacle}",
                    "a UTF-8 file inside the use case's folder",
                    "create it or correct the path",
                )
            )
        queries[dataset.name] = "" if obstacle else file.read_text(encoding="utf-8")
    return queries, problems


def _unreadable(folder: Path, file: Path) -> str | None:
    if not file.resolve().is_relative_to(folder.resolve()):
        return "lies outside the folder"
    if not file.is_file():
        return "does not exist"
    if file.stat().st_size > _MAXIMUM_SQL_BYTES:
        return f"is larger than {_MAXIMUM_SQL_BYTES} bytes"
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8"
    return None


def check_queries(use_case: UseCase) -> Iterator[Problem]:
    """Check each query against the tables it reads and the columns it promises."""
    schema = {
        name: {**table.columns, **({table.partition_key: "string"} if table.partition_key else {})}
        for name, table in use_case.sources.tables.items()
    }
    keys = {name: table.partition_key for name, table in use_case.sources.tables.items()}
    for dataset in use_case.datasets:
        text = use_case.queries[dataset.name]
        if not text:
            continue
        try:
            sql.verify(text, use_case.sources.database, schema)
            _columns_agree(dataset, sql.output_columns(text))
            _window_agrees(dataset, text)
            reaches(text, keys)
        except sql.SqlError as error:
            yield Problem(
                use_case.folder / dataset.sql,
                error.line,
                f"dataset {dataset.name}",
                error.problem,
                error.expected,
                "correct the query or the declaration",
            )


def _window_agrees(dataset: Dataset, text: str) -> None:
    if sql.is_windowed(text) and dataset.partition_by is None:
        raise sql.SqlError(
            "the query asks for a window, and the dataset is not partitioned",
            expected="partition_by: the timestamp column whose day makes the partition",
        )
    if dataset.partition_by is not None and not sql.is_windowed(text):
        raise sql.SqlError(
            f"the dataset is partitioned by {dataset.partition_by}, and its query has no window",
            expected=":window_start and :window_end in the query, or no partition_by",
        )


def _columns_agree(dataset: Dataset, found: tuple[str, ...]) -> None:
    declared = tuple(dataset.columns)
    if set(found) == set(declared) and len(found) == len(declared):
        return
    unknown = sorted(set(found) - set(declared))
    absent = sorted(set(declared) - set(found))
    raise sql.SqlError(
        f"the query's columns differ: undeclared {unknown}, missing {absent}",
        expected=f"exactly the declared columns {', '.join(declared)}",
    )
