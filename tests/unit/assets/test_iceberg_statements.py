"""The SQL of Iceberg datasets: names quoted, values literal, times as Iceberg has them."""

from __future__ import annotations

import pytest

from assets import iceberg_statements as statements
from assets.dataset_days import LEDGER, partition_key
from assets.expiry import location_of
from resources.glue import TableFacts
from resources.iceberg import spoken

COLUMNS = {"id": "string", "at": "timestamp", "dt": "string"}
DIGEST = "a" * 64


def test_a_table_is_made_as_athena_takes_it():
    made = statements.create_from(
        "t", "s", COLUMNS, location="s3://b/t/", partition="dt", only=["2013-01-01"]
    )
    assert made == (
        "CREATE TABLE \"t\" WITH (table_type='ICEBERG', is_external=FALSE, format='PARQUET', "
        "write_compression='ZSTD', location='s3://b/t/', partitioning=ARRAY['dt']) AS "
        'SELECT "id", CAST("at" AS TIMESTAMP(6)) AS "at", "dt" FROM "s" '
        "WHERE \"dt\" IN ('2013-01-01')"
    )


def test_days_go_and_come():
    assert statements.delete("t", "dt", ["a", "b'c"]) == (
        "DELETE FROM \"t\" WHERE \"dt\" IN ('a', 'b''c')"
    )
    assert statements.delete("t") == 'DELETE FROM "t"'
    assert statements.insert("t", "s", {"id": "string"}) == (
        'INSERT INTO "t" ("id") SELECT "id" FROM "s"'
    )
    nothing = statements.insert("t", "s", {"dt": "string"}, partition="dt", only=[])
    assert nothing.endswith("WHERE FALSE")


def test_ddl_has_its_own_quotes_and_plain_names_none():
    added = statements.add_columns("t", {"a": "double", "b": "string"})
    assert added == "ALTER TABLE `t` ADD COLUMNS (`a` DOUBLE, `b` STRING)"
    assert statements.vacuum("t__fork_0a") == "VACUUM t__fork_0a"
    with pytest.raises(ValueError, match="no plain name"):
        statements.vacuum("t; DROP TABLE x")


def test_an_entry_speaks_only_of_the_version_it_was_published_with():
    said = {"metadata_location": "s3://b/1", "perennial.published": "s3://b/1", LEDGER: "k"}
    assert spoken(said) == said
    moved = {**said, "metadata_location": "s3://b/2"}
    assert spoken(moved) == {"metadata_location": "s3://b/2"}
    assert spoken({"perennial.digest": "x"}) == {"perennial.digest": "x"}


@pytest.mark.parametrize(
    ("key", "location"),
    [
        (f"datasets/m/d/{DIGEST}/dt=2013-01-01/f", f"datasets/m/d/{DIGEST}/"),
        ("datasets/m/d/iceberg/0a1b/data/f", "datasets/m/d/iceberg/0a1b/"),
        ("datasets/m/d/ledgers/x.json", "datasets/m/d/ledgers/x.json"),
        (f"training-sets-made/m/{DIGEST}/f", f"training-sets-made/m/{DIGEST}/"),
        ("backtest/m/backtest__rows_0a1b/f", "backtest/m/backtest__rows_0a1b/"),
        ("monitoring/m/samples/0a1b-2c/f", "monitoring/m/samples/0a1b-2c/"),
        ("monitoring/m/sampled/0a1b.json", "monitoring/m/sampled/0a1b.json"),
        ("monitoring/m/quality/0a1b.json", None),
        (f"training-sets/m/{DIGEST}/data/f", None),
        ("datasets/m/d/by_hand/f", None),
        ("datasets/m/d/f", None),
        (f"datasets/m/{DIGEST}/f", None),
        (f"raw/m/d/{DIGEST}/f", None),
    ],
)
def test_only_what_a_run_wrote_can_expire(key: str, location: str | None):
    assert location_of(key) == location


def test_days_of_an_iceberg_table_are_a_column():
    facts = TableFacts("d", "t", (), (), {LEDGER: "k"}, "s3://b/t", None, "1")  # type: ignore[arg-type]
    assert partition_key(facts) == "dt"
