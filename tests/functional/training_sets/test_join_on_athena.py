"""The generated SQL as Athena runs it, against the same brute force as on plain DuckDB."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from resources.athena import Athena
from resources.glue import Catalogue, ColumnFacts
from tests.unit.usecases.join_world import (
    CROWDED,
    MAX_AGE,
    RECORDS,
    ROWS,
    SPINE,
    STORE,
    TABLES,
    WRITTEN_BY,
    Record,
    Row,
    comparable,
    expected,
    query,
    spine_table,
    store_table,
)

BUCKET = "joins-on-athena"
GLUE = {"int32": "int", "int64": "bigint", "bool": "boolean", "timestamp[ms]": "timestamp"}
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def asked(aws: Any) -> Ask:
    s3, catalogue = aws.client("s3"), Catalogue(aws.client("glue"))
    athena = Athena(aws.client("athena"), "joins-on-athena")
    s3.create_bucket(Bucket=BUCKET)
    aws.client("athena").create_work_group(
        Name="joins-on-athena",
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"}},
    )
    for database, name, schema in (("curated", "spine", SPINE), ("store", "weather-1", STORE)):
        aws.client("glue").create_database(DatabaseInput={"Name": database})
        typed = [(each.name, str(each.type)) for each in schema]
        columns = [ColumnFacts(name, GLUE.get(kind, kind)) for name, kind in typed]
        catalogue.point_table(
            database, name, columns=columns, location=f"s3://{BUCKET}/{name}/", parameters={}
        )
    salts = count()

    def run(rows: list[Row], records: list[Record], **options: Any) -> list[dict[str, Any]]:
        for name, table in (("spine", spine_table(rows)), ("weather-1", store_table(records))):
            s3.put_object(Bucket=BUCKET, Key=f"{name}/part-0.parquet", Body=parquet(table))
        sql = query(dialect="athena", **options)
        return athena.select(sql, database="curated", intent="join", salt=str(next(salts)))

    return run


@pytest.fixture(params=[TABLES, CROWDED], ids=["by interval", "carried"], scope="module")
def ask(request: pytest.FixtureRequest, asked: Ask) -> Ask:
    return functools.partial(asked, tables=request.param)


def parquet(table: pa.Table) -> bytes:
    body = io.BytesIO()
    pq.write_table(table, body)
    return body.getvalue()


def shown(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("flight_id", "event_time", "cancelled", "worst_wind", "total_precip")
    return comparable([tuple(row[name] for name in names) for row in rows])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, RECORDS)
def test_each_row_has_what_was_known_at_its_time(ask: Ask, rows, records) -> None:
    assert shown(ask(rows, records)) == expected(rows, records)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, RECORDS)
def test_cut_off_and_age_together(ask: Ask, rows, records) -> None:
    limits = {"written_by": WRITTEN_BY, "max_age": MAX_AGE}
    assert shown(ask(rows, records, **limits)) == expected(rows, records, **limits)
