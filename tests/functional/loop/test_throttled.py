"""Athena throttles for a real minute while a dataset is made and its contract checked.

The suite's one minute of waiting: everything shorter is asked with a clock of the test's own
(tests/unit/resources/test_athena.py).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

from tests.functional.faults import ordered
from tests.functional.loop.loop_world import ROOT, Loop

if TYPE_CHECKING:
    from collections.abc import Iterator


NAME = "throttled"
SECONDS = 60
PLANES = [NAME, "datasets", "planes"]
BUSY = (
    {"name": "start", "service": "athena", "operation": "StartQueryExecution",
     "effect": "throttle", "until": SECONDS},
    {"name": "look", "service": "athena", "operation": "GetQueryExecution",
     "effect": {"kind": "error", "code": "ThrottlingException"}, "until": SECONDS + 5},
)  # fmt: skip


@pytest.fixture
def logging_loop(loop: Loop) -> Iterator[Loop]:
    """The deployment, with an instance whose runs log as dagster.yaml says."""
    said = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    before = loop.instance
    with dg.DagsterInstance.local_temp(overrides={"python_logs": said["python_logs"]}) as instance:
        loop.instance = instance
        yield loop
    loop.instance = before


def test_a_throttled_minute_is_waited_out_without_hammering(logging_loop: Loop) -> None:
    loop, use_case = logging_loop, logging_loop.declare(NAME, name=NAME)
    loop.bootstrap(use_case)
    known = set(queries(loop))
    with ordered(loop.aws.endpoint_url, *BUSY) as faults:
        outcome = loop.only(use_case, PLANES)
        counters = faults.counters()
    assert outcome.succeeded, outcome.told
    assert loop.checks_pass(outcome, PLANES)

    # One query for each statement, whatever was asked again.
    new = [query for each, query in queries(loop).items() if each not in known]
    assert {query["Status"]["State"] for query in new} == {"SUCCEEDED"}
    statements = Counter(query["Query"] for query in new)
    assert len(statements) >= 4  # the CTAS, its rows, the contract, its sample
    assert set(statements.values()) == {1}, statements

    # Some twenty refusals for the one query that stood in line; a loop would make hundreds.
    assert 5 <= counters["start"][1] <= 40, counters
    waits = waiting(loop, outcome.run.run_id)
    assert 3 <= len(waits) <= 20, waits
    assert all("athena" in said and "asking again in" in said for said in waits)
    took = loop.instance.get_run_stats(outcome.run.run_id)
    assert took.end_time is not None
    assert took.start_time is not None
    assert took.end_time - took.start_time >= SECONDS - 5


def queries(loop: Loop) -> dict[str, dict[str, Any]]:
    client = loop.aws.client("athena")
    pages = client.get_paginator("list_query_executions").paginate(
        WorkGroup=loop.platform.names.workgroup
    )
    listed = [each for page in pages for each in page["QueryExecutionIds"]]
    return {
        each["QueryExecutionId"]: each
        for start in range(0, len(listed), 50)
        for each in client.batch_get_query_execution(QueryExecutionIds=listed[start : start + 50])[
            "QueryExecutions"
        ]
    }


def waiting(loop: Loop, run_id: str) -> list[str]:
    """What the run's log, as the UI shows it, says of waiting."""
    return [
        entry.user_message
        for entry in loop.instance.all_logs(run_id)
        if "is throttled" in entry.user_message
    ]
