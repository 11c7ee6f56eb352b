"""A table's columns held against the declared ones."""

from __future__ import annotations

from assets.contracts import schema_breaches
from resources.glue import ColumnFacts
from usecases.fields import Dataset

DATASET = Dataset.model_validate(
    {
        "name": "hours",
        "description": "Something.",
        "sql": "sql/hours.sql",
        "primary_key": ["origin", "hour"],
        "columns": {
            "origin": {"type": "string"},
            "hour": {"type": "bigint"},
            "temp": {"type": "double"},
        },
    }
)


def test_columns_that_are_gone_or_retyped_are_named_and_further_ones_ignored() -> None:
    found = [
        ColumnFacts("origin", "string"),
        ColumnFacts("temp", "string"),
        ColumnFacts("further", "bigint"),
    ]
    assert schema_breaches(DATASET, found) == [
        "column hour is missing (expected type bigint)",
        "column temp has type string, expected double",
    ]
