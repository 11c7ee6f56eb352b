"""Tokens repeat, waits grow and end."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import Transient
from resources.polling import intervals, wait_for
from resources.tokens import short_token_for, token_for
from tests.unit.resources.fakes import FakeTime


@given(st.text(), st.text())
def test_a_token_is_a_function_of_its_intent(intent, salt):
    token = token_for(intent, salt)
    assert token == token_for(intent, salt)
    assert len(token) == 64
    assert set(token) <= set("0123456789abcdef")
    assert token.startswith(short_token_for(intent, salt))
    assert len(short_token_for(intent, salt)) == 36


def test_another_intent_or_salt_is_another_token():
    tokens = {token_for("a"), token_for("b"), token_for("a", "1"), token_for("a", "2")}
    assert len(tokens) == 4


def test_waits_start_short_and_grow_to_a_limit():
    pauses = list(itertools.islice(intervals(0.1, 5.0), 20))
    assert pauses[0] == 0.1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0


def test_a_wait_ends_with_what_the_probe_found():
    time, answers = FakeTime(), iter([None, None, "ready"])
    found = wait_for(
        lambda: next(answers),
        "x",
        deadline=timedelta(minutes=1),
        sleep=time.sleep,
        clock=time.clock,
    )
    assert found == "ready"
    assert len(time.slept) == 2


def test_a_wait_never_sleeps_past_its_deadline():
    time = FakeTime()
    with pytest.raises(Transient, match="Gave up on the moon after 0:00:10"):
        wait_for(
            lambda: None,
            "the moon",
            deadline=timedelta(seconds=10),
            sleep=time.sleep,
            clock=time.clock,
        )
    assert time.now == pytest.approx(10.0)
