"""What upstream and declarations can do wrong: one clear message, no money spent, nothing lost."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from orchestration import flights
from orchestration.upstream import columns_of
from resources.glue import LANDED_THROUGH
from tests.functional.loop.conftest import LANDED
from usecases.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from resources.model_registry import PackageFacts
    from tests.functional.loop.loop_world import Loop, Outcome
    from usecases.declaration import UseCase


PLANES = ["flight_delay", "datasets", "planes"]


def reading(table: str, instead: str, *queries: str, **columns: str) -> dict[str, Any]:
    """The changes that make a use case read another raw table instead of one."""

    def reshape(document: dict[str, Any]) -> None:
        for tables in (document["sources"]["tables"], document["monitors"]["drift"]["tables"]):
            if table in tables:
                tables[instead] = tables.pop(table)
        document["monitors"]["drift"].pop("rows_per_independent")  # it names tables and columns
        document["sources"]["tables"][instead]["columns"] |= columns

    swap = (f"nycflights.{table}\n", f"nycflights.{instead}\n")
    return {"reshape": reshape, "edit": dict.fromkeys(queries or [f"{table}.sql"], swap)}


def land_planes(loop: Loop, table: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Land the aircraft register as another upstream table, changed."""
    rows = change(flights.planes().rows)
    body = io.BytesIO()
    pq.write_table(rows, body)
    lake = loop.platform.lake
    lake.put(f"raw/{table}/part-0.parquet", body.getvalue())
    loop.platform.catalogue.point_table(
        "nycflights",
        table,
        columns=columns_of(flights.RawTable(rows, None, {})),
        location=lake.uri(f"raw/{table}/"),
        parameters={LANDED_THROUGH: LANDED.isoformat()},
    )


def refused(loop: Loop, use_case: UseCase) -> Outcome:
    """Run the whole training job and see it fail before SageMaker was asked for anything."""
    packages, executions = loop.packages(use_case), len(loop.executions(use_case))
    outcome = loop.run(use_case)
    assert not outcome.succeeded
    assert len(loop.executions(use_case)) == executions
    assert loop.packages(use_case) == packages
    return outcome


def test_a_source_table_that_is_missing(loop: Loop, champion: PackageFacts) -> None:
    outcome = refused(loop, loop.declare("missing", **reading("planes", "aircraft")))
    assert "Glue has no table nycflights.aircraft" in outcome.told
    assert "Land or materialize it first, or mend the name in the use case's YAML" in outcome.told


def test_a_column_that_upstream_removed(loop: Loop, champion: PackageFacts) -> None:
    land_planes(loop, "planes_without_seats", lambda rows: rows.drop_columns(["seats"]))
    before = loop.dataset("planes")
    outcome = loop.only(
        loop.declare("removed", **reading("planes", "planes_without_seats")), PLANES
    )
    assert not outcome.succeeded
    assert "Upstream changed Glue table nycflights.planes_without_seats" in outcome.told
    assert "column seats is missing (expected type bigint)" in outcome.told
    assert "usecase.yaml. The last good datasets were kept." in outcome.told
    assert loop.dataset("planes") == before


def test_a_column_that_upstream_retyped(loop: Loop, champion: PackageFacts) -> None:
    def retype(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index("seats")
        return rows.set_column(place, "seats", pc.cast(rows.column("seats"), pa.string()))

    land_planes(loop, "planes_in_words", retype)
    before = loop.dataset("planes")
    outcome = loop.only(loop.declare("retyped", **reading("planes", "planes_in_words")), PLANES)
    assert not outcome.succeeded
    assert "column seats has type string, expected bigint" in outcome.told
    assert loop.dataset("planes") == before


def test_sql_whose_result_is_not_what_is_declared(loop: Loop, champion: PackageFacts) -> None:
    before = loop.dataset("planes")
    edit = {"planes.sql": ("  seats,", "  CAST(seats AS double) AS seats,")}
    outcome = loop.only(loop.declare("otherwise", edit=edit), PLANES)
    assert not outcome.succeeded
    assert "planes.sql: the result is not what is declared for dataset planes" in outcome.told
    assert "column seats has type double, expected bigint" in outcome.told
    assert "The last good table was kept." in outcome.told
    assert loop.dataset("planes") == before


def test_sql_that_the_data_defeats(loop: Loop, champion: PackageFacts) -> None:
    before = loop.dataset("planes")
    edit = {"planes.sql": ("CAST(year AS double)", "CAST(tailnum AS double)")}
    outcome = loop.only(loop.declare("defeated", edit=edit), PLANES)
    assert not outcome.succeeded
    assert "planes.sql: Athena query" in outcome.told
    assert "Mend the SQL of dataset planes; its last good table was kept." in outcome.told
    assert loop.dataset("planes") == before


def test_a_column_that_the_declaration_does_not_know(loop: Loop) -> None:
    with pytest.raises(DeclarationError) as refusal:
        loop.declare("unknown", edit={"planes.sql": ("seats,", "chairs AS seats,")})
    assert "planes.sql:" in str(refusal.value)
    assert "chairs" in str(refusal.value)


def test_a_window_in_which_nothing_landed(loop: Loop, champion: PackageFacts) -> None:
    flights_table = loop.platform.catalogue.table("nycflights", "flights")
    loop.platform.catalogue.point_table(
        "nycflights",
        "flights_to_come",
        columns=flights_table.columns,
        location=loop.platform.lake.uri("raw/flights_to_come/"),
        parameters={LANDED_THROUGH: LANDED.isoformat()},
        partition_keys=flights_table.partition_keys,
    )
    queries = ("flights_labelled.sql", "origin_hourly.sql")
    outcome = refused(
        loop, loop.declare("empty", **reading("flights", "flights_to_come", *queries))
    )
    assert "perennial_flight_delay.flights_labelled, partition 2013-01-" in outcome.told
    assert "is empty: it had" in outcome.told
    assert "rows and lost them all" in outcome.told


def test_a_label_that_is_null_everywhere(loop: Loop, champion: PackageFacts) -> None:
    label = ("CAST(arr_delay > 15 AS integer)", "CAST(NULL AS integer)")
    outcome = refused(loop, loop.declare("null", edit={"flights_labelled.sql": label}))
    assert "arr_delayed" in outcome.told
    assert "rows are not present" in outcome.told


def test_a_label_of_one_class_fails_in_validation(loop: Loop, champion: PackageFacts) -> None:
    label = ("arr_delay > 15", "arr_delay > 100000")
    use_case = loop.declare("single", edit={"flights_labelled.sql": label})
    packages = loop.packages(use_case)
    outcome = loop.run(use_case)
    assert not outcome.succeeded
    assert "label arr_delayed has a single class: 0 in every row" in outcome.told
    newest = loop.executions(use_case)[0]["PipelineExecutionArn"]
    assert [step.name for step in loop.platform.training.steps(newest)] == ["Validate"]
    assert loop.packages(use_case) == packages
