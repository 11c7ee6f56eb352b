"""Athena's door: re-attach, step over old failures, stop at the deadline, read typed rows."""
# ruff: noqa: N803 - the fakes take boto3\'s own parameter names

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest

from resources.athena import Athena, QueryRun
from resources.errors import Terminal, Transient
from resources.tokens import token_for
from tests.unit.resources.fakes import FakeTime

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR_AGO = NOW - timedelta(hours=1)


class FakeAthena:
    """Remembers queries by token, as AWS does; ``fate`` decides a new one's end."""

    def __init__(self, fate: str = "SUCCEEDED", reason: str = "") -> None:
        self.fate, self.reason = fate, reason
        self.queries: dict[str, dict] = {}
        self.stopped: list[str] = []
        self.started = 0

    def remember(self, token: str, state: str, submitted: datetime) -> None:
        self.queries[token] = self.query(token, state, submitted)

    def query(self, token: str, state: str, submitted: datetime) -> dict:
        status = {
            "State": state,
            "SubmissionDateTime": submitted,
            "StateChangeReason": self.reason,
        }
        return {
            "QueryExecutionId": token,
            "Status": status,
            "Statistics": {"DataScannedInBytes": 7, "EngineExecutionTimeInMillis": 3},
            "ResultConfiguration": {"OutputLocation": "s3://b/q.csv"},
        }

    def start_query_execution(self, *, ClientRequestToken, **_):
        if ClientRequestToken not in self.queries:
            self.started += 1
            self.remember(ClientRequestToken, self.fate, NOW)
        headers = {"date": format_datetime(NOW, usegmt=True)}
        return {
            "QueryExecutionId": ClientRequestToken,
            "ResponseMetadata": {"HTTPHeaders": headers},
        }

    def get_query_execution(self, *, QueryExecutionId):
        return {"QueryExecution": self.queries[QueryExecutionId]}

    def stop_query_execution(self, *, QueryExecutionId):
        self.stopped.append(QueryExecutionId)


def door(client: FakeAthena, time: FakeTime | None = None) -> Athena:
    time = time or FakeTime()
    return Athena(client, "perennial", sleep=time.sleep, clock=time.clock)


def test_the_same_intent_finds_the_same_query():
    client = FakeAthena()
    first = door(client).run("SELECT 1", database="d", intent="profile")
    second = door(client).run("SELECT 1", database="d", intent="profile")
    assert first == second
    assert first.bytes_scanned == 7
    assert client.started == 1
    door(client).run("SELECT 1", database="d", intent="profile", salt="run 2")
    assert client.started == 2


def test_a_failure_of_long_ago_is_stepped_over():
    client = FakeAthena()
    client.remember(token_for("profile"), "FAILED", HOUR_AGO)
    client.remember(token_for("profile", "#1"), "FAILED", HOUR_AGO)
    run = door(client).run("SELECT 1", database="d", intent="profile")
    assert run.token == token_for("profile", "#2")
    assert client.started == 1


def test_a_failure_of_now_is_told_with_its_reason_and_not_repeated():
    client = FakeAthena("FAILED", "TABLE_NOT_FOUND: line 1:15")
    with pytest.raises(Terminal, match="failed: TABLE_NOT_FOUND: line 1:15"):
        door(client).run("SELECT 1", database="d", intent="profile")
    assert client.started == 1


def test_a_query_that_never_ends_is_stopped():
    client, time = FakeAthena("RUNNING"), FakeTime()
    with pytest.raises(Transient, match="was stopped after 0:01:00"):
        door(client, time).run(
            "SELECT 1", database="d", intent="slow", deadline=timedelta(minutes=1)
        )
    assert client.stopped == [token_for("slow")]


class Pages:
    """Two pages of results; only the first has the row of column names."""

    COLUMNS = (
        ("n", "bigint"),
        ("x", "double"),
        ("money", "decimal(10,2)"),
        ("ok", "boolean"),
        ("day", "date"),
        ("at", "timestamp"),
        ("zoned", "timestamp with time zone"),
        ("text", "varchar"),
    )

    def get_query_results(self, *, NextToken=None, **_):
        header = [name for name, _ in self.COLUMNS]
        values = ["1", "NaN", "1.10", "true", "2013-01-01", "2013-01-01 05:15:00.000"]
        values += ["2013-01-01 05:15:00.000 UTC", "a"]
        rows = [header, values] if NextToken is None else [[None] * len(header)]
        page = {
            "ResultSet": {
                "Rows": [{"Data": [{"VarCharValue": v} if v else {} for v in r]} for r in rows],
                "ResultSetMetadata": {
                    "ColumnInfo": [{"Name": name, "Type": kind} for name, kind in self.COLUMNS]
                },
            }
        }
        return page | ({"NextToken": "2"} if NextToken is None else {})


def test_rows_have_python_types_across_pages():
    first, second = Athena(Pages(), "perennial").rows(QueryRun("q", 0, 0, "s3://b/q.csv", ""))
    assert (first["n"], first["money"], first["ok"]) == (1, Decimal("1.10"), True)
    assert first["x"] != first["x"]  # NaN stays NaN; whether that is bad is a gate's to say
    assert first["day"] == date(2013, 1, 1)
    assert first["at"] == datetime.fromisoformat("2013-01-01T05:15")
    assert first["zoned"] == datetime(2013, 1, 1, 5, 15, tzinfo=UTC)
    assert first["text"] == "a"
    assert set(second.values()) == {None}


class Restarted(FakeAthena):
    """An Athena whose first queries end with a failure of its own."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def query(self, token: str, state: str, submitted: datetime) -> dict:
        if self.failures <= 0:
            return super().query(token, state, submitted)
        self.failures -= 1
        query = super().query(token, "FAILED", submitted)
        query["Status"]["AthenaError"] = {"Retryable": True}
        return query


def test_a_query_that_athena_itself_lost_is_run_again_under_another_token():
    client, time = Restarted(2), FakeTime()
    athena = Athena(client, "w", sleep=time.sleep, clock=time.clock)
    assert athena.run("SELECT 1", database="d", intent="i").token == token_for("i", "#2")
    assert client.started == 3


def test_a_query_is_not_run_again_for_ever_nor_where_it_may_not():
    for failures, repeats, started in ((9, 3, 4), (1, 0, 1)):
        client, time = Restarted(failures), FakeTime()
        athena = Athena(client, "w", sleep=time.sleep, clock=time.clock)
        with pytest.raises(Transient):
            athena.run("SELECT 1", database="d", intent="i", repeats=repeats)
        assert client.started == started
