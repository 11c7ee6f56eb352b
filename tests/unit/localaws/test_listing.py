"""Lists of SageMaker: filters, orders and pages, against a few lines that say what they mean."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.services.sagemaker.listing import Listing

LISTING = Listing(name="JobName", status="JobStatus")
_items = st.lists(
    st.tuples(
        st.sampled_from(["Completed", "Failed", "InProgress"]), st.integers(0, 5), st.integers(0, 5)
    ),
    max_size=12,
)
_queries = st.fixed_dictionaries(
    {},
    optional={
        "StatusEquals": st.sampled_from(["Completed", "Failed"]),
        "NameContains": st.sampled_from(["job", "JOB-1", "x"]),
        "CreationTimeAfter": st.integers(0, 5),
        "CreationTimeBefore": st.integers(0, 5),
        "LastModifiedTimeAfter": st.integers(0, 5),
        "SortBy": st.sampled_from(["Name", "CreationTime", "Status"]),
        "SortOrder": st.sampled_from(["Ascending", "Descending"]),
        "MaxResults": st.integers(1, 5),
    },
)
_TIMES = ("CreationTimeAfter", "CreationTimeBefore", "LastModifiedTimeAfter")


def _listed(items, query):
    found, more = [], {}
    while True:
        page, more = LISTING.page(items, query | more)
        assert len(page) <= query.get("MaxResults", 100)
        found += page
        if not more:
            return found


def _expected(items, query):
    def fits(item):
        return (
            query.get("StatusEquals") in (None, item["JobStatus"])
            and query.get("NameContains", "").lower() in item["JobName"]
            and item["CreationTime"] > query.get("CreationTimeAfter", -1)
            and item["CreationTime"] < query.get("CreationTimeBefore", 99)
            and item["LastModifiedTime"] > query.get("LastModifiedTimeAfter", -1)
        )

    member = {"Name": "JobName", "Status": "JobStatus"}.get(query.get("SortBy"), "CreationTime")
    numbered = sorted(
        (item for item in items if fits(item)),
        key=lambda item: (item[member], items.index(item)),
        reverse=query.get("SortOrder") == "Descending",
    )
    return [item["JobName"] for item in numbered]


@settings(deadline=None)
@given(_items, _queries)
def test_a_list_is_what_its_query_says(drawn, query):
    items = [
        {"JobName": f"job-{number}", "JobStatus": status, "CreationTime": created,
         "LastModifiedTime": changed}
        for number, (status, created, changed) in enumerate(drawn)
    ]  # fmt: skip
    asked = {
        name: datetime.fromtimestamp(value, UTC) if name in _TIMES else value
        for name, value in query.items()
    }
    assert [item["JobName"] for item in _listed(items, asked)] == _expected(items, query)
