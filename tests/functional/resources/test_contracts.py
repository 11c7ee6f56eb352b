"""Contracts over the embedded Athena: what the SQL pass finds there, partition by partition."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlglot import exp

from assets.contracts import judge_partitions
from assets.quarantine import held, quarantine, quarantined, release
from orchestration.status import quarantine_table
from resources.errors import Terminal
from resources.glue import ColumnFacts, storage_descriptor, table_input
from tests.unit.usecases.contracts.agreement import (
    NAMES,
    arrow,
    as_counts,
    by_pandera,
    contracts,
    rows,
)
from usecases.contracts.statements import compile_sql
from usecases.declaration import load_use_cases, use_case_roots

if TYPE_CHECKING:
    from orchestration.environments import Environment
    from resources.platform import Platform
    from usecases.contracts.contract import Contract
    from usecases.declaration import UseCase

DATABASE = "perennial_flight_delay"
PLANES = {"tailnum": "string", "event_time": "timestamp", "plane_year": "double",
          "seats": "bigint", "engines": "bigint"}  # fmt: skip
MADE = datetime(2013, 1, 1)  # noqa: DTZ001 - data time is naive UTC


@pytest.fixture(scope="session")
def use_case() -> UseCase:
    (found,) = load_use_cases(*use_case_roots({}))
    return found


def put(platform: Platform, prefix: str, table: pa.Table) -> str:
    body = io.BytesIO()
    pq.write_table(table, body)
    platform.lake.put(f"{prefix}part-0.parquet", body.getvalue())
    return platform.lake.uri(prefix)


def planes(*seats: int, prefix: str) -> pa.Table:
    rows = [
        {"tailnum": f"{prefix}{n}", "event_time": MADE, "plane_year": 2000.0, "seats": each,
         "engines": 2}
        for n, each in enumerate(seats)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows).cast(
        pa.schema([("tailnum", pa.string()), ("event_time", pa.timestamp("us")),
                   ("plane_year", pa.float64()), ("seats", pa.int64()), ("engines", pa.int64())])
    )  # fmt: skip


def stage(environment: Environment, days: dict[str, pa.Table]) -> str:
    """Make a table of staged days, none of which anything downstream reads yet."""
    platform = environment.doors()
    name = f"planes_{uuid.uuid4().hex[:8]}"
    columns = [ColumnFacts(column, kind) for column, kind in PLANES.items()]
    glue = environment.admin_client("glue", "experimentation")
    root = f"staged/{name}/"
    glue.create_table(
        DatabaseName=DATABASE,
        TableInput=table_input(
            name, columns=columns, location=platform.lake.uri(root), parameters={},
            partition_keys=[ColumnFacts("dt", "string")],
        ),
    )  # fmt: skip
    for day, table in days.items():
        location = put(platform, f"{root}{day}/", table)
        glue.create_partition(
            DatabaseName=DATABASE,
            TableName=name,
            PartitionInput={
                "Values": [day],
                "StorageDescriptor": storage_descriptor(columns, location),
                "Parameters": {"perennial.digest": f"digest-{name}-{day}"},
            },
        )
    return name


def test_a_breaching_day_is_quarantined_alone_and_can_be_released(
    platform: Platform, environment: Environment, use_case: UseCase
) -> None:
    dataset = use_case.dataset("planes")
    bad = planes(0, 0, 4, prefix="B")
    days = {"2013-01-01": planes(5, 6, prefix="A"), "2013-01-02": bad}
    table = stage(environment, days)
    verdict = judge_partitions(platform, use_case, dataset, None, "one", table=table)
    assert (verdict.clean, verdict.quarantined) == (("2013-01-01",), ("2013-01-02",))
    assert "partition 2013-01-02: seats: 2 rows are not >= 1.0" in verdict.why
    (breach,) = verdict.partitions[1].breaches
    assert breach.rule == "seats.minimum"
    assert [dict(one) for one in breach.examples] == [
        {"tailnum": "B0", "seats": "0"},
        {"tailnum": "B1", "seats": "0"},
    ]

    digest = f"digest-{table}-2013-01-02"
    where = {"2013-01-02": (digest, platform.lake.uri(f"staged/{table}/2013-01-02/"))}
    (record,) = quarantine(platform, use_case.name, "planes", verdict, where)
    assert quarantine(platform, use_case.name, "planes", verdict, where) == (record,)
    assert platform.lake.get_json(f"quarantine/flight_delay/planes/2013-01-02/{digest}.json")
    assert (record, None) in quarantined(platform, use_case.name)
    assert quarantine_table(platform, use_case).row_count
    this, other = {"2013-01-02": digest}, {"2013-01-02": "mended"}
    assert held(platform, use_case.name, "planes", this) == (record,)
    assert held(platform, use_case.name, "planes", other) == ()

    at = datetime(2026, 1, 1, tzinfo=UTC)
    release(
        platform, use_case.name, "planes", "2013-01-02", by="ann", at=at, reason="gliders, known"
    )
    (found,) = [who for each, who in quarantined(platform, use_case.name) if each == record]
    assert str(found) == "ann on 2026-01-01 00:00 UTC: gliders, known"
    assert held(platform, use_case.name, "planes", this) == ()
    again = judge_partitions(platform, use_case, dataset, None, "two", table=table)
    assert again.passed
    assert "was accepted by ann" in again.why
    with pytest.raises(Terminal, match="accepted before by ann"):
        release(platform, use_case.name, "planes", "2013-01-02", by="bob", at=at, reason="too")
    with pytest.raises(Terminal, match="Nothing of planes, partition 2013-01-09"):
        release(platform, use_case.name, "planes", "2013-01-09", by="bob", at=at, reason="too")


def test_only_the_days_asked_for_are_judged(
    platform: Platform, environment: Environment, use_case: UseCase
) -> None:
    dataset = use_case.dataset("planes")
    table = stage(
        environment, {"2013-01-01": planes(5, prefix="A"), "2013-01-02": planes(0, prefix="B")}
    )
    good = judge_partitions(platform, use_case, dataset, ["2013-01-01"], "one", table=table)
    assert good.passed
    assert good.rows == 1
    none = judge_partitions(
        platform, use_case, dataset, ["2013-01-01", "2013-01-03"], "two", table=table
    )
    assert none.clean == ("2013-01-01", "2013-01-03")


def test_a_key_that_lies_in_two_days_is_told_in_both(
    platform: Platform, environment: Environment, use_case: UseCase
) -> None:
    table = stage(
        environment,
        {"2013-01-01": planes(5, 6, prefix="A"), "2013-01-02": planes(7, prefix="A")},
    )
    verdict = judge_partitions(
        platform, use_case, use_case.dataset("planes"), None, "one", table=table
    )
    assert [[(b.rule, b.rows) for b in each.breaches] for each in verdict.partitions] == [
        [("primary_key", 1)],
        [("primary_key", 1)],
    ]


def test_how_new_rows_must_be(
    platform: Platform, environment: Environment, use_case: UseCase
) -> None:
    """Freshness is held against what the raw tables say has landed."""
    promised = use_case.dataset("planes").model_copy(
        update={"fresh_within": use_case.training_set.label.delay}
    )
    columns = [ColumnFacts(column, kind) for column, kind in PLANES.items()]
    database = f"land_{uuid.uuid4().hex[:8]}"
    platform.catalogue.ensure_database(database)
    landed = {"perennial.landed_through": "2013-01-05T00:00:00"}
    for name in use_case.sources.tables:
        platform.catalogue.point_table(
            database, name, columns=columns, location=platform.lake.uri("x/"), parameters=landed
        )
    moved = use_case.model_copy(
        update={"sources": use_case.sources.model_copy(update={"database": database})}
    )
    table = stage(environment, {"2013-01-01": planes(5, prefix="A")})
    verdict = judge_partitions(platform, moved, promised, None, "one", table=table)
    assert not verdict.passed
    assert verdict.quarantined == ()
    assert "planes is stale: its newest row is of 2013-01-01 00:00:00, 4 days" in verdict.why


def test_partitions_of_a_table_that_has_none(platform: Platform, use_case: UseCase) -> None:
    name = f"whole_{uuid.uuid4().hex[:8]}"
    platform.catalogue.point_table(
        DATABASE,
        name,
        columns=[ColumnFacts(column, kind) for column, kind in PLANES.items()],
        location=put(platform, f"whole/{name}/", planes(0, prefix="A")),
        parameters={"perennial.digest": "some"},
    )
    dataset = use_case.dataset("planes")
    whole = judge_partitions(platform, use_case, dataset, None, "one", table=name)
    assert whole.quarantined == ("",)
    assert whole.why.startswith("seats: 1 rows are not >= 1.0")
    with pytest.raises(Terminal, match="has no partitions"):
        judge_partitions(platform, use_case, dataset, ["2013-01-01"], "two", table=name)


@settings(
    max_examples=5,
    phases=(Phase.generate,),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(contract=contracts(), found=rows())
def test_athena_and_pandera_count_the_same(
    platform: Platform, contract: Contract, found: list[dict[str, Any]]
) -> None:
    name = f"random_{uuid.uuid4().hex[:8]}"
    platform.catalogue.point_table(
        DATABASE,
        name,
        columns=[ColumnFacts(column, kind) for column, kind in {**NAMES, "dt": "string"}.items()],
        location=put(platform, f"random/{name}/", arrow(found)),
        parameters={},
    )
    sql = compile_sql(contract, exp.table_(name, db=DATABASE, quoted=True))
    answer = platform.athena.select(sql, database=DATABASE, intent=name)
    assert as_counts(contract, answer)[""] == by_pandera(contract, found)
