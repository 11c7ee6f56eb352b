"""Fault plans read strictly, and chance that depends on seed, rule and call only."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.core.accounts import Caller
from localaws.core.faults.matching import Matcher, Wanted
from localaws.core.faults.nodes import PlanError
from localaws.core.faults.plan import Plan
from localaws.core.faults.reading import read_plan
from localaws.core.http import Request
from localaws.core.provider import Call
from localaws.core.routing import service_model


def wanted(service="ssm", operation="GetParameter", parameters=None, account="1" * 12):
    arn = f"arn:aws:iam::{account}:root"
    call = Call(service, operation, account, "us-east-1", "id", arn, {}, Caller(account, arn))
    model = service_model(service).operation_model(operation)
    request = Request("POST", "/", "", {})
    return Wanted(call, model, parameters or {"Name": "/a"}, "LOCALAWS", request)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "p.yaml:1: plan: expected a mapping with rules, found nothing"),
        ("seed: 1", "expected the field rules"),
        ("rules: 3", "p.yaml:1: plan.rules: expected a list, found '3'"),
        ("rules:\n- service: s3", "p.yaml:2: plan.rules[0]: expected an effect"),
        ("rules:\n- effect: explode", "p.yaml:2: plan.rules[0].effect: expected one of throttle"),
        ("rules:\n- effect: {kind: delay}", "expected seconds for delay"),
        ("rules:\n- effect: {kind: throttle, seconds: 1}", "expected no field seconds"),
        ("rules:\n- effect: {kind: delay, seconds: .inf}", "expected a number from 0 to 600"),
        (
            "rules:\n- effect: throttle\n  first: 0",
            "p.yaml:3: plan.rules[0].first: expected a whole",
        ),
        ("rules:\n- effect: throttle\n  first: '1'", "expected a whole number of at least 1"),
        ("rules:\n- effect: throttle\n  first: 1\n  first: 2", "expected each field once"),
        ("rules:\n- effect: throttle\n  probability: 2", "expected a number from 0 to 1"),
        ("rules:\n- effect: throttle\n  service: sagmaker", "expected a service as boto3 names it"),
        (
            "rules:\n- {effect: throttle, service: s3, operation: Put}",
            "expected an operation of s3",
        ),
        ("rules:\n- {effect: {kind: error, code: X}}", "an exact service beside an error"),
        ("rules:\n- {effect: partial, service: s3}", "expected partial only for"),
        ("rules:\n- &a {effect: throttle}\n- *a", "p.yaml:3: plan: expected YAML or JSON"),
        ("rules: [", "p.yaml:1: plan: expected YAML or JSON"),
        ("[" * 5000, "plan: expected YAML or JSON"),
        (
            "rules:\n- {name: a, effect: throttle}\n- {name: a, effect: throttle}",
            "names that differ",
        ),
        ("seed: 1\nrules: []\nsead: 2", "p.yaml:3: plan.sead: expected one of the fields"),
        (" " * 300_000, "expected at most 262144 characters"),
    ],
)
def test_a_plan_with_a_mistake_is_refused_with_its_place(text, says):
    with pytest.raises(PlanError) as caught:
        read_plan(text, "p.yaml")
    assert says in str(caught.value)
    assert str(caught.value).startswith("p.yaml:")


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_text_is_a_plan_or_refused(text):
    with contextlib.suppress(PlanError):
        assert isinstance(read_plan(text, "p"), Plan)


def test_account_numbers_need_no_quotes_and_json_is_yaml():
    plan = read_plan('{"seed": 3, "rules": [{"account": 012345678901, "effect": "throttle"}]}', "p")
    assert plan.rules[0].account == "012345678901"


@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 80))
@settings(deadline=None, max_examples=50)
def test_decisions_repeat_and_do_not_depend_on_other_rules(seed, probability, calls):
    rule = f"- {{name: chosen, probability: {probability:f}, effect: throttle}}\n"
    other = "- {name: other, service: s3, every: 2, effect: throttle}\n"

    def decisions(rules):
        matcher = Matcher(read_plan(f"seed: {seed}\nrules:\n{rules}", "p"))
        return [matcher.decide(wanted(), 0) is not None for _ in range(calls)]

    assert decisions(rule) == decisions(rule) == decisions(other + rule)
    if probability in {0, 1}:
        assert set(decisions(rule)) == {bool(probability)}


def test_equal_requests_are_one_whatever_token_the_client_drew():
    plan = read_plan("rules:\n- {calls: [2], count_by: request, effect: throttle}", "p")
    matcher = Matcher(plan)

    def chosen(name, token):
        told = {"ModelPackageGroupName": name, "ClientToken": token}
        call = wanted("sagemaker", "CreateModelPackage", told)
        return matcher.decide(call, 0) is not None

    assert [chosen("a", "1"), chosen("b", "2"), chosen("a", "3")] == [False, False, True]
