"""Patterns: what is allowed reads alike in Python, pandas and RE2; what would not is refused."""

from __future__ import annotations

import re

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usecases.contracts.patterns import PatternError, portable

ATOMS = ["a", "B", "7", "ä", "𐌰", " ", r"\.", ".", r"\d", r"\W", r"\s", r"\n", "[a-z]", "[^a]",
         r"[\w-]", r"[^\]\\]", r"[\d.]", "-", "'", '"', "#", "&", "~", "_", r"[a\-z]"]  # fmt: skip
TEXT = st.text(alphabet=list("aBz7ä𐌰 .\n\r-_'\"]\\#&~\u2028\x85İ"), max_size=4)


def patterns() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(ATOMS),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map("".join),
            st.tuples(inner, inner).map(lambda x: f"({x[0]}|{x[1]})"),
            st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,2}", "{1,}"])).map(
                lambda x: f"(?:{x[0]}){x[1]}"
            ),
        ),
        max_leaves=5,
    )


@settings(max_examples=300, deadline=None)
@given(patterns(), TEXT)
def test_engines_read_a_portable_pattern_alike(pattern: str, text: str) -> None:
    written = portable(pattern)
    python = re.fullmatch(written, text) is not None
    with duckdb.connect() as connection:
        row = connection.execute(
            "SELECT regexp_matches(?, ?)", [text, rf"\A(?:{written})\z"]
        ).fetchone()
    assert row == (python,)
    assert bool(pd.Series([text], dtype="str").str.fullmatch(written)[0]) == python


def test_a_pattern_means_what_it_says() -> None:
    for pattern, good, bad in (
        ("[A-Z]{3}", "EWR", "EWR\n"),
        (r"N\d{1,5}[A-Z]?", "N12345", "N\u0661"),
        ("a|b", "b", "ab"),
        (".+", "x y", "x\ny"),
        (r"\w+@\w+\.com", "me@here.com", "me@hereXcom"),
    ):
        assert re.fullmatch(portable(pattern), good)
        assert not re.fullmatch(portable(pattern), bad)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("^a$", r"a bare ^; expected \^"),
        ("(?i)a", "begins with (?"),
        ("(?=a)", "begins with (?"),
        (r"(a)\1", r"the escape \1"),
        (r"\bword", r"the escape \b"),
        (r"\p{Lu}", r"the escape \p"),
        ("a++", "+ after +"),
        ("a*?", "? after *"),
        ("[[:alpha:]]", r"a bare [ in brackets; expected \["),
        ("[a&&b]", "a bare & in brackets"),
        ("a{2001}", "{2001}"),
        ("a{2,1}", "malformed"),
        ("a{x}", "{m}, {m,} or {m,n}"),
        ("(a", "a ( without )"),
        ("a)", "a ) without ("),
        ("[]", "an empty []"),
        ("[z-a]", "the range z-a"),
        ("a\\", "ends too early"),
        ("*a", "a bare *"),
    ],
)
def test_what_engines_read_differently_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(PatternError) as caught:
        portable(pattern)
    assert told in str(caught.value)


@given(st.text(max_size=8))
def test_any_text_is_written_or_refused(pattern: str) -> None:
    try:
        written = portable(pattern)
    except PatternError:
        return
    assert re.compile(written)
