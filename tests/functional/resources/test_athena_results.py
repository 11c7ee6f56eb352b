"""Many rows are read from the file that the query left, and are the same as page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from resources.athena import Athena, QueryRun
from resources.errors import Missing

if TYPE_CHECKING:
    from resources.platform import Platform

DATABASE = "default"
ROWS = 2500

#: As Trino writes them: what a CSV could get wrong, and a value of each type.
VALUES = (
    "SELECT n, CASE n % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a,\"b\"' "
    "WHEN 3 THEN 'two' || chr(10) || 'lines' WHEN 4 THEN 'NULL' WHEN 5 THEN ' \u00fc\U0001f600 ' "
    "ELSE '\"\"' END AS text, CASE WHEN n % 5 > 0 THEN n / 7e0 END AS x, n % 2 = 0 AS even, "
    "DATE '2013-01-01' + INTERVAL '1' DAY * (n % 90) AS day, "
    "TIMESTAMP '2013-01-01 05:15:00.250' AS at, CAST(n AS decimal(9,2)) AS money "
    "FROM UNNEST(sequence(1, 2500)) AS t(n) ORDER BY n"
)


@pytest.fixture(scope="module")
def run(platform: Platform) -> QueryRun:
    return platform.athena.run(VALUES, database=DATABASE, intent="tests: many rows")


class Calls:
    """A client of Athena that counts the pages it is asked for."""

    def __init__(self, client: Any) -> None:
        self._client, self.pages = client, 0

    def get_query_results(self, **request: Any) -> Any:
        self.pages += 1
        return self._client.get_query_results(**request)


def test_they_are_the_same_rows_as_page_by_page(platform: Platform, run: QueryRun) -> None:
    client, s3 = (platform.accounts.client(each, "experimentation") for each in ("athena", "s3"))
    by_page, by_file = Calls(client), Calls(client)
    pages = list(Athena(by_page, platform.names.workgroup).rows(run))
    file = list(Athena(by_file, platform.names.workgroup, s3=s3).rows(run))
    assert len(pages) == ROWS
    assert file == pages
    assert (by_page.pages, by_file.pages) == (3, 1)
    assert {each["text"] for each in file} >= {None, "", "two\nlines", 'a,"b"', '""'}


def test_a_null_in_the_only_column_is_a_row(platform: Platform) -> None:
    select = "SELECT NULLIF(n % 3, 0) AS n FROM UNNEST(sequence(1, 1500)) AS t(n) ORDER BY t.n"
    run = platform.athena.run(select, database=DATABASE, intent="tests: one column of nulls")
    found = [each["n"] for each in platform.athena.rows(run)]
    assert found == [n % 3 or None for n in range(1, 1501)]


def test_few_rows_are_one_call_and_no_file(platform: Platform) -> None:
    few = platform.athena.run("SELECT 1 AS n", database=DATABASE, intent="tests: few rows")
    client = Calls(platform.accounts.client("athena", "experimentation"))
    assert list(Athena(client, platform.names.workgroup, s3=object()).rows(few)) == [{"n": 1}]
    assert client.pages == 1


def test_a_file_that_is_gone_is_told(platform: Platform, run: QueryRun) -> None:
    s3 = platform.accounts.client("s3", "experimentation")
    gone = QueryRun(run.query_id, 0, 0, run.output_location.replace(".csv", "-gone.csv"), "")
    with pytest.raises(Missing):
        list(Athena(platform.accounts.client("athena", "experimentation"), "w", s3=s3).rows(gone))
