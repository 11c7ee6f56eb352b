"""Pages: each item once, whatever the page sizes, and tokens only for their own query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.core.errors import ServiceError
from localaws.core.paging import Paging

PAGING = Paging("NextToken", "MaxResults", "Invalid")


def _page(items, request):
    return PAGING.page(items, request, key=str, default=7, most=50)


@given(st.integers(0, 40), st.lists(st.integers(1, 60), min_size=1))
def test_pages_hold_every_item_once(count, sizes):
    items, seen, more, asked = [str(number) for number in range(count)], [], {}, iter(sizes * 40)
    while True:
        page, more = _page(items, {"Filter": "x", "MaxResults": next(asked)} | more)
        seen += page
        if not more:
            break
    assert seen == items


def test_items_that_come_in_front_are_no_reason_to_repeat():
    _, more = _page(["c", "b", "a"], {"MaxResults": 1})
    page, _ = _page(["e", "d", "c", "b", "a"], {"MaxResults": 2} | more)
    assert page == ["b", "a"]


def test_a_last_item_that_is_gone_leaves_its_place():
    _, more = _page(["c", "b", "a"], {"MaxResults": 2})
    assert _page(["c", "a"], more) == ([], {})


@pytest.mark.parametrize("token", ["x", "", None, "W10=", "bnVsbA=="])
def test_what_is_no_token_of_the_query_is_refused(token):
    _, more = _page(["c", "b", "a"], {"MaxResults": 1, "NameContains": "c"})
    with pytest.raises(ServiceError, match="not handed out for this query"):
        _page(["c", "b", "a"], {"NameContains": "b"} | more)
    if token:
        with pytest.raises(ServiceError, match="not handed out for this query"):
            _page(["c"], {"NextToken": token})
