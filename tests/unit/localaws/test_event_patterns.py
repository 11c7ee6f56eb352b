"""Event patterns and what targets are sent, by the examples of EventBridge's user guide.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.services.events import transform
from localaws.services.events.patterns import InvalidPatternError, compile_pattern

DETAIL = {
    "state": "RUNNING", "c-count": 5, "d-count": 9, "x-limit": 301.8, "ip": "10.0.0.42",
    "name": "dir/file.png", "list": ["a", "b"], "objects": [{"k": 1, "j": 2}, {"k": 3, "j": 4}],
    "null": None, "empty": "", "flag": True, "deep": {"er": {"est": "x"}}, "star": "a*b",
}  # fmt: skip


def matches(detail: object, event: object = DETAIL) -> bool:
    return compile_pattern(json.dumps({"detail": detail}))({"detail": event})


@pytest.mark.parametrize(
    ("detail", "wanted"),
    [
        ({"state": ["RUNNING"]}, True),
        ({"state": ["running"]}, False),
        ({"state": ["PENDING", "RUNNING"]}, True),
        ({"state": [{"prefix": "RUN"}]}, True),
        ({"state": [{"prefix": {"equals-ignore-case": "run"}}]}, True),
        ({"state": [{"suffix": "NING"}]}, True),
        ({"name": [{"suffix": {"equals-ignore-case": ".PNG"}}]}, True),
        ({"state": [{"anything-but": "initializing"}]}, True),
        ({"state": [{"anything-but": ["RUNNING", "x"]}]}, False),
        ({"missing": [{"anything-but": "x"}]}, False),
        ({"c-count": [{"anything-but": [5, 6]}]}, False),
        ({"state": [{"anything-but": {"prefix": "RUN"}}]}, False),
        ({"state": [{"anything-but": {"suffix": ["x", "NG"]}}]}, False),
        ({"state": [{"anything-but": {"equals-ignore-case": ["running"]}}]}, False),
        ({"name": [{"anything-but": {"wildcard": "*/lib/*"}}]}, True),
        ({"c-count": [{"numeric": [">", 0, "<=", 5]}]}, True),
        ({"c-count": [{"numeric": ["<", 5]}]}, False),
        ({"x-limit": [{"numeric": ["=", 301.8]}]}, True),
        ({"state": [{"numeric": [">", 0]}]}, False),
        ({"flag": [{"numeric": ["=", 1]}]}, False),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"state": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"state": [{"exists": True}]}, True),
        ({"missing": [{"exists": False}]}, True),
        ({"null": [{"exists": True}]}, True),
        ({"deep": {"gone": {"x": [{"exists": False}]}}}, True),
        ({"deep": {"er": [{"exists": True}]}}, False),  # only leaves exist
        ({"state": [{"equals-ignore-case": "running"}]}, True),
        ({"name": [{"wildcard": "dir/*.png"}]}, True),
        ({"name": [{"wildcard": "*.jpg"}]}, False),
        ({"star": [{"wildcard": "a\\*b"}]}, True),
        ({"name": [{"wildcard": "dir\\*"}]}, False),
        ({"null": [None]}, True),
        ({"empty": [""]}, True),
        ({"null": [""]}, False),
        ({"flag": [True]}, True),
        ({"flag": [1]}, False),
        ({"c-count": [5.0]}, False),
        ({"list": ["b"]}, True),
        ({"list": ["c"]}, False),
        ({"list": [{"anything-but": ["a"]}]}, True),
        ({"objects": {"k": [3], "j": [4]}}, True),
        ({"objects": {"k": [1], "j": [4]}}, False),  # of one object, not of two
        ({"$or": [{"c-count": [{"numeric": [">", 10]}]}, {"d-count": [9]}]}, True),
        ({"$or": [{"c-count": [1]}, {"d-count": [1]}], "state": ["RUNNING"]}, False),
        ({"deep": {"er": {"est": ["x"]}}}, True),
    ],
)  # fmt: skip
def test_the_documented_operators(detail, wanted):
    assert matches(detail) is wanted


@pytest.mark.parametrize(
    "pattern",
    [
        "not json", "[]", "{}", '{"detail": {}}', '{"source": "x"}', '{"source": []}',
        '{"source": [["x"]]}', '{"source": [{"sounds-like": "x"}]}', '{"source": [{"prefix": 1}]}',
        '{"source": [{"prefix": "a", "suffix": "b"}]}', '{"source": [{"exists": "yes"}]}',
        '{"a": [{"numeric": [">"]}]}', '{"a": [{"numeric": ["~", 1]}]}',
        '{"a": [{"numeric": [">", "1"]}]}', '{"a": [{"numeric": [">", 6e9]}]}',
        '{"a": [{"numeric": ["<", 5, ">", 1]}]}', '{"a": [{"numeric": [">", 5, "<", 1]}]}',
        '{"a": [{"cidr": "10.0.0.0/99"}]}', '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"wildcard": "a\\\\b"}]}', '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": ["x", 1]}]}', '{"a": [{"anything-but": {"numeric": [">", 1]}}]}',
        '{"$or": [{"a": [1]}]}', '{"$or": {"a": [1]}}', '{"$or": [1, 2]}',
    ],
)  # fmt: skip
def test_invalid_patterns_are_refused(pattern):
    with pytest.raises(InvalidPatternError):
        compile_pattern(pattern)


leaves = st.one_of(st.text(max_size=4), st.integers(-5, 5), st.booleans(), st.none())


@settings(deadline=None, max_examples=200)
@given(
    event=st.dictionaries(st.text("abc", min_size=1, max_size=2), leaves, min_size=1), other=leaves
)
def test_an_event_matches_the_pattern_made_of_it_and_not_its_negation(event, other):
    assert matches({name: [value] for name, value in event.items()}, event)
    name, value = next(iter(event.items()))
    if isinstance(value, str):
        assert not matches({name: [{"anything-but": value}]}, event)
    assert matches({name: [value, other]}, event)


EVENT = {
    "id": "7bf7", "source": "aws.ec2", "detail-type": "t", "account": "1",
    "resources": ["r0", "r1"],
    "detail": {"instance-id": "i-0", "state": "RUNNING", "n": 4, "o": {"a": 'q"'}, "quoted": 'x"y'},
}  # fmt: skip
OCCASION = transform.Occasion("arn:rule", "rule", "2026-01-01T00:00:00Z")


def rendered(**target: object) -> str:
    transform.check(target)
    return transform.render(target, EVENT, OCCASION)


def transformed(template: str, **paths: str) -> str:
    named = {name.replace("_", "-"): path for name, path in paths.items()}
    return rendered(InputTransformer={"InputPathsMap": named, "InputTemplate": template})


def test_a_target_gets_the_event_a_part_or_a_constant():
    assert json.loads(rendered()) == EVENT
    assert rendered(Input='{"fixed": true}') == '{"fixed": true}'
    assert rendered(InputPath="$.detail.state") == '"RUNNING"'
    assert json.loads(rendered(InputPath="$.detail")) == EVENT["detail"]
    assert rendered(InputPath="$.resources[1]") == '"r1"'
    assert rendered(InputPath="$.resources[*]") == '["r0","r1"]'


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ('"instance <instance> is in <state>"', '"instance i-0 is in RUNNING"'),
        ('{"instance": <instance>, "n": <n>, "o": <o>}',
         '{"instance": "i-0", "n": 4, "o": {"a":"q\\""}}'),
        ('{"said": "<instance> is \\"<state>\\"", "n": "<n>"}',
         '{"said": "i-0 is \\"RUNNING\\"", "n": "4"}'),
        ('{"q": "<quoted>"}', '{"q": "x\\"y"}'),
        ("plain <state>, <n>", "plain RUNNING, 4"),
        ('{"gone": <gone>}', '{"gone": ""}'),
        ('{"by": "<aws.events.rule-name>", "arn": <aws.events.rule-arn>}',
         '{"by": "rule", "arn": "arn:rule"}'),
    ],
)  # fmt: skip
def test_templates_are_filled_in(template, wanted):
    paths = {"instance": "$.detail.instance-id", "state": "$.detail.state", "n": "$.detail.n",
             "o": "$.detail.o", "quoted": "$.detail.quoted", "gone": "$.detail.gone"}  # fmt: skip
    assert transformed(template, **paths) == wanted


def test_a_template_may_hold_the_whole_event():
    filled = json.loads(transformed('{"e": <aws.events.event.json>, "h": <aws.events.event>}'))
    assert filled["e"] == EVENT
    assert filled["h"] == {name: value for name, value in EVENT.items() if name != "detail"}


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "{"}, {"InputPath": "detail"}, {"InputPath": "$.a['b']"}, {"InputPath": "$..a"},
        {"Input": "1", "InputPath": "$"},
        {"InputTransformer": {"InputTemplate": '{"a": <unknown>}'}},
        {"InputTransformer": {"InputTemplate": '{"a": '}},
        {"InputTransformer": {"InputPathsMap": {"AWS.x": "$.a"}, "InputTemplate": '"x"'}},
    ],
)  # fmt: skip
def test_inputs_that_cannot_be_performed_are_refused(target):
    with pytest.raises(transform.BadInputError):
        transform.check(target)
