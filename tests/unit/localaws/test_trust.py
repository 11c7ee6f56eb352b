"""Trust policies: allowed only where it is certain."""

from __future__ import annotations

import pytest

from localaws.services.sts.trust import Attempt, allows

CALLER = "arn:aws:sts::111111111111:assumed-role/orchestrator/session"


def _policy(**change):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "sts:AssumeRole",
    }
    return {"Statement": [statement | change]}


def _attempt(external_id=None):
    return Attempt("111111111111", CALLER, external_id)


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "111111111111"},
        {"AWS": ["arn:aws:iam::999999999999:root", "arn:aws:iam::111111111111:root"]},
        {"AWS": "arn:aws:iam::111111111111:role/orchestrator"},
        {"AWS": CALLER},
    ],
)
def test_the_caller_may_be_named_in_each_of_awss_ways(principal):
    assert allows(_policy(Principal=principal), _attempt())


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}},
        {"Principal": {"Service": "sagemaker.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::111111111111:role/other"}},
        {"Action": "sts:TagSession"},
        {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {"Condition": {"StringEquals": {"sts:ExternalId": "right"}}},
    ],
)
def test_whatever_does_not_certainly_apply_allows_nothing(change):
    assert not allows(_policy(**change), _attempt("wrong"))


def test_a_service_is_trusted_by_its_name_only():
    service = Attempt("555555555555", "codebuild.amazonaws.com", None)
    assert allows(_policy(Principal={"Service": "codebuild.amazonaws.com"}), service)
    assert not allows(_policy(Principal={"Service": "ecs.amazonaws.com"}), service)
    assert not allows(_policy(Principal={"AWS": "arn:aws:iam::555555555555:root"}), service)


def test_the_external_id_is_compared_exactly_or_by_pattern():
    exact = _policy(Condition={"StringEquals": {"sts:ExternalId": ["a*", "right"]}})
    assert allows(exact, _attempt("right"))
    assert not allows(exact, _attempt("abc"))
    assert not allows(exact, _attempt(None))
    assert allows(_policy(Condition={"StringLike": {"sts:ExternalId": "a*"}}), _attempt("abc"))


def test_a_deny_wins_even_with_a_condition_nobody_understands():
    denied = _policy()
    denied["Statement"] += _policy(Effect="Deny", Condition={"Bool": {"x": "y"}})["Statement"]
    assert not allows(denied, _attempt())
