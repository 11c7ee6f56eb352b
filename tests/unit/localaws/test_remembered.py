"""What moto said of Glue's catalogue is said again without moto, and never after a change."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from localaws.core.http import Request
from localaws.core.passthrough import Moto

# moto's state is the process's: each catalogue has accounts of its own.
ACCOUNTS = map(str, itertools.count(100000000000))
TABLE = {"DatabaseName": "d", "Name": "t"}
PARTITIONS = {"DatabaseName": "d", "TableName": "t"}


class Catalogue:
    """Glue as moto has it, and how often moto was asked."""

    def __init__(self) -> None:
        self.moto = Moto()
        self.account = next(ACCOUNTS)
        self.asked = 0
        perform = self.moto._perform

        def counted(*given: Any) -> Any:
            self.asked += 1
            return perform(*given)

        self.moto._perform = counted  # type: ignore[method-assign]

    def __call__(self, operation: str, account: str = "", **body: Any) -> dict[str, Any]:
        signed = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/glue/aws4_request, "
        headers = {
            "host": "127.0.0.1:80",
            "authorization": f"{signed}SignedHeaders=host, Signature=0",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AWSGlue.{operation}",
        }
        request = Request("POST", "/", "", headers, json.dumps(body).encode())
        response = self.moto.call("glue", operation, request, account or self.account)
        response.headers["x-amzn-RequestId"] = "of this answer"
        assert response.status == 200, response.body
        return dict(json.loads(response.body or b"{}"))


@pytest.fixture
def glue() -> Catalogue:
    """Return a catalogue with a database and a table of two partitions."""
    made = Catalogue()
    made("CreateDatabase", DatabaseInput={"Name": "d"})
    made("CreateTable", DatabaseName="d", TableInput=_table("first"))
    for value in ("1", "2"):
        made("CreatePartition", **PARTITIONS, PartitionInput={"Values": [value]})
    return made


def _table(description: str) -> dict[str, Any]:
    return {
        "Name": "t",
        "Description": description,
        "PartitionKeys": [{"Name": "day", "Type": "string"}],
    }


def _values(glue: Catalogue) -> list[str]:
    return sorted(each["Values"][0] for each in glue("GetPartitions", **PARTITIONS)["Partitions"])


def test_an_answer_is_given_again_without_moto(glue: Catalogue) -> None:
    first = glue("GetPartitions", **PARTITIONS)
    asked = glue.asked
    assert glue("GetPartitions", **PARTITIONS) == first
    assert glue.asked == asked


def test_another_question_and_another_account_are_asked(glue: Catalogue) -> None:
    glue("GetTables", DatabaseName="d")
    asked = glue.asked
    assert glue("GetTables", DatabaseName="d", Expression="u.*")["TableList"] == []
    other = next(ACCOUNTS)
    glue("CreateDatabase", other, DatabaseInput={"Name": "d"})
    assert glue("GetTables", other, DatabaseName="d")["TableList"] == []
    assert glue.asked == asked + 3


def test_no_answer_outlives_a_change(glue: Catalogue) -> None:
    assert _values(glue) == ["1", "2"]
    glue("CreatePartition", **PARTITIONS, PartitionInput={"Values": ["3"]})
    assert _values(glue) == ["1", "2", "3"]
    glue("BatchDeletePartition", **PARTITIONS, PartitionsToDelete=[{"Values": ["1"]}])
    assert _values(glue) == ["2", "3"]
    assert glue("GetTable", **TABLE)["Table"]["Description"] == "first"
    glue("UpdateTable", DatabaseName="d", TableInput=_table("second"))
    assert glue("GetTable", **TABLE)["Table"]["Description"] == "second"
    glue("DeleteTable", **TABLE)
    assert glue("GetTables", DatabaseName="d")["TableList"] == []


def test_nothing_is_kept_beyond_the_bound(glue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(json.dumps(glue("GetPartitions", **PARTITIONS)))
    glue.moto._remembered.changed("glue")
    monkeypatch.setattr("localaws.core.remembered._MOST_BYTES", 3 * size)
    for number in range(20):
        glue("GetPartitions", **PARTITIONS, Expression=f"day <> '{number + 7}'")
        assert glue.moto._remembered._bytes <= 3 * size
