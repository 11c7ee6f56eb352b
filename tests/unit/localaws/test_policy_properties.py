"""The policy engine against a naive reading of AWS's rules, over generated policies."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.core.policy.context import Context
from localaws.core.policy.documents import Kind, read
from localaws.core.policy.evaluation import Guarded, Identity, decide
from localaws.core.policy.principals import Principal
from localaws.core.policy.statements import Ask

MINE, OTHERS = "111111111111", "222222222222"
ACTIONS = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]
RESOURCES = ["arn:aws:s3:::a/x", "arn:aws:s3:::b/x", "arn:aws:s3:::a/y*"]
KEYS: dict[str, str | None] = {"k:here": "v", "k:gone": None}
ROLE = f"arn:aws:iam::{MINE}:role/r"
SESSION = Principal(MINE, f"arn:aws:sts::{MINE}:assumed-role/r/s", ROLE)

conditions = st.dictionaries(
    st.sampled_from(["StringEquals", "StringNotEquals", "StringEqualsIfExists", "Guess", "Null"]),
    st.dictionaries(
        st.sampled_from(["k:here", "K:Here", "k:gone", "k:untold"]),
        st.sampled_from(["v", "w", "true", "false", ["v", "w"]]),
        min_size=1,
    ),
    max_size=2,
)
principals = st.sampled_from(
    ["*", {"AWS": MINE}, {"AWS": ROLE}, {"AWS": SESSION.arn}, {"AWS": OTHERS},
     {"AWS": [OTHERS, ROLE]}, {"Service": "s3.amazonaws.com"}]
)  # fmt: skip


@st.composite
def statements(draw: Any, *, on_resource: bool) -> dict[str, Any]:
    actions = draw(st.lists(st.sampled_from([*ACTIONS, "s3:*", "*", "S3:get*"]), min_size=1))
    resources = draw(
        st.lists(st.sampled_from([*RESOURCES, "*", "arn:aws:s3:::a/*", "arn:aws:s3:::?/x"]),
                 min_size=1)
    )  # fmt: skip
    made = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): actions,
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): resources,
    }
    if found := draw(conditions):
        made["Condition"] = found
    if on_resource:
        made["Principal"] = draw(principals)
    if draw(st.integers(0, 9)) == 0:
        made["Surprise"] = "?"
    return made


identity_policies = st.lists(statements(on_resource=False), max_size=4)
resource_policies = st.lists(statements(on_resource=True), max_size=3)


def naive_condition(operator: str, key: str, wanted: Any) -> bool | None:
    wanted = wanted if isinstance(wanted, list) else [wanted]
    if operator == "Guess" or key.lower() not in KEYS:
        return None
    value = KEYS[key.lower()]
    if operator == "Null":
        if not set(wanted) <= {"true", "false"}:
            return None
        return str(value is None).lower() in wanted
    if value is None:
        return operator != "StringEquals"
    return (value in wanted) != (operator == "StringNotEquals")


def naive_applies(statement: dict[str, Any], action: str, resource: str) -> bool | None:
    """All elements fit: True; one certainly does not: False; else None."""
    actions = statement.get("Action") or statement["NotAction"]
    resources = statement.get("Resource") or statement["NotResource"]
    fits: list[bool | None] = [
        any(fnmatchcase(action.lower(), each.lower()) for each in actions)
        != ("NotAction" in statement),
        any(fnmatchcase(resource, each) for each in resources) != ("NotResource" in statement),
    ]
    fits += [
        naive_condition(operator, key, wanted)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    ]
    if "Principal" in statement:
        fits.append(naive_level(statement["Principal"]) > 0)
    if "Surprise" in statement:
        fits.append(None)
    return False if False in fits else (None if None in fits else True)


def naive_level(principal: Any) -> int:
    names = principal.get("AWS", []) if isinstance(principal, dict) else principal
    names = names if isinstance(names, list) else [names]
    levels = {"*": 2, MINE: 1, ROLE: 2, SESSION.arn: 3}
    return max((levels.get(each, 0) for each in names), default=0)


def naive(identity: list[Any], resource: list[Any], owner: str, action: str, arn: str) -> bool:
    everything = [(each, naive_applies(each, action, arn)) for each in identity + resource]
    if any(each["Effect"] == "Deny" and applies is not False for each, applies in everything):
        return False
    allows = [each for each, applies in everything if each["Effect"] == "Allow" and applies]
    own = any(each in identity for each in allows)
    level = max((naive_level(each["Principal"]) for each in allows if each in resource), default=0)
    if owner == MINE:
        return own or level > 1
    return own and level > 0


def verdict(identity: list[Any], resource: list[Any], owner: str, action: str, arn: str) -> bool:
    present = {key: value for key, value in KEYS.items() if value is not None}
    absent = [key for key, value in KEYS.items() if value is None]
    asked = Ask(SESSION, action, arn, Context(present, absent))
    version = "2012-10-17"
    own = read({"Version": version, "Statement": identity}, "own", Kind.IDENTITY)
    theirs = read({"Version": version, "Statement": resource}, "theirs", Kind.RESOURCE)
    return decide(asked, Identity(policies=(own,)), Guarded(owner, theirs)).allowed


@settings(max_examples=200, deadline=None)
@given(
    identity_policies, resource_policies, st.sampled_from([MINE, OTHERS]),
    st.sampled_from(ACTIONS), st.sampled_from(RESOURCES),
)  # fmt: skip
def test_the_engine_agrees_with_a_naive_reading(
    identity: list[Any], resource: list[Any], owner: str, action: str, arn: str
) -> None:
    assert verdict(identity, resource, owner, action, arn) == naive(
        identity, resource, owner, action, arn
    )


@settings(max_examples=60, deadline=None)
@given(identity_policies, statements(on_resource=False), st.sampled_from(ACTIONS))
def test_a_deny_more_never_allows_more(identity: list[Any], more: Any, action: str) -> None:
    for arn in RESOURCES:
        if not verdict(identity, [], MINE, action, arn):
            denied = [*identity, more | {"Effect": "Deny"}]
            assert not verdict(denied, [], MINE, action, arn)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Condition"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(json_values)
def test_whatever_is_stored_as_a_policy_is_judged_and_without_allow_allows_nothing(
    document: Any,
) -> None:
    stored = read(document, "any", Kind.IDENTITY)
    asked = Ask(SESSION, ACTIONS[0], RESOURCES[0], Context({}))
    assert not decide(asked, Identity(policies=(stored,)), Guarded(MINE)).allowed
