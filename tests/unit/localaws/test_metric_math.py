"""CloudWatch's arithmetic: statistics, metric math, and rules over other alarms."""

from __future__ import annotations

import statistics as reference

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.services.cloudwatch import composite
from localaws.services.cloudwatch.expressions import ExpressionError, evaluate, names, parse
from localaws.services.cloudwatch.statistics import Sample, compute, is_statistic

KNOWN = {"m1": {0.0: 6.0, 60.0: 9.0, 120.0: 1.0}, "m2": {0.0: 2.0, 60.0: 0.0}}
PERIODS = [0.0, 60.0, 120.0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("m1 + m2", {0.0: 8.0, 60.0: 9.0}),
        ("m1 / m2", {0.0: 3.0}),  # what is divided by zero has no data point
        ("m1 - m1 * 2", {0.0: -6.0, 60.0: -9.0, 120.0: -1.0}),
        ("-m1 ^ 2", {0.0: -36.0, 60.0: -81.0, 120.0: -1.0}),
        ("(m1 + 1) * 2", {0.0: 14.0, 60.0: 20.0, 120.0: 4.0}),
        ("IF(m1 > 5, 1, 0)", {0.0: 1.0, 60.0: 1.0, 120.0: 0.0}),
        ("IF(m1 > 5 AND m2 == 0, m1, 0)", {0.0: 0.0, 60.0: 9.0}),
        ("FILL(m2, 7)", {0.0: 2.0, 60.0: 0.0, 120.0: 7.0}),
        ("FILL(m2, REPEAT)", {0.0: 2.0, 60.0: 0.0, 120.0: 0.0}),
        ("m1 / FILL(m2, 4)", {0.0: 3.0, 120.0: 0.25}),
        ("m1 - MAX(m1)", {0.0: -3.0, 60.0: 0.0, 120.0: -8.0}),
        ("CEIL(ABS(m1 / 4))", {0.0: 2.0, 60.0: 3.0, 120.0: 1.0}),
        ("2 * 3", {0.0: 6.0, 60.0: 6.0, 120.0: 6.0}),
        ("1 / 0", {}),
    ],
)
def test_expressions_are_evaluated_where_there_is_data(text, wanted):
    assert evaluate(parse(text), KNOWN, PERIODS) == wanted


@pytest.mark.parametrize(
    "text",
    ["m1 +", "m1 m2", "(m1", "ANOMALY_DETECTION_BAND(m1, 2)", "SEARCH('x', 'Sum', 60)", "IF(m1, 1)",
     "SELECT AVG(x) FROM y", "RATE(m1)", "METRICS()", "M1 + 1", "", "REPEAT", "m1 ; m2"],
)  # fmt: skip
def test_what_is_not_performed_is_refused(text):
    with pytest.raises(ExpressionError):
        parse(text)


def test_the_ids_an_expression_refers_to_are_known():
    assert names(parse("IF(m1 > 2, m2, e3) / 4")) == {"m1", "m2", "e3"}


numbers = st.integers(-20, 20)


@settings(deadline=None, max_examples=200)
@given(tree=st.recursive(
    numbers.map(lambda n: f"({n})" if n < 0 else str(n)),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({' '.join(t)})"),
    max_leaves=12,
))  # fmt: skip
def test_constants_are_reckoned_as_python_reckons_them(tree):
    assert evaluate(parse(tree), {}, [0.0]) == {0.0: float(eval(tree))}  # noqa: S307 - digits only


def _sample(*values: float) -> Sample:
    return Sample(
        len(values), sum(values), min(values), max(values), tuple((v, 1.0) for v in values)
    )


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
def test_statistics_agree_with_pythons(values):
    samples = [_sample(*values[:1]), *([_sample(*values[1:])] if values[1:] else [])]
    assert compute("Sum", samples) == sum(values)
    assert compute("Average", samples) == pytest.approx(reference.fmean(values))
    assert compute("SampleCount", samples) == len(values)
    assert (compute("Minimum", samples), compute("Maximum", samples)) == (min(values), max(values))
    assert compute("p50", samples) == reference.median_low(values)
    assert compute("p100", samples) == max(values)


def test_percentiles_need_single_values():
    many = Sample(10, 55, 1, 10)
    assert compute("p90", [many]) is None
    assert compute("p90", [Sample(10, 50, 5, 5)]) == 5
    assert compute("p90", [_sample(*range(1, 11))]) == 9
    assert is_statistic("p99.9")
    assert not any(is_statistic(name) for name in ("tm90", "p101", "IQM", "PR(0:1)", "p"))


STATES = {"a": "ALARM", "b c": "OK", "d": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("ALARM(a)", True),
        ('ALARM("a") AND OK("b c")', True),
        ("ALARM(a) AND NOT OK('b c')", False),
        ("NOT (ALARM(a) OR INSUFFICIENT_DATA(d))", False),
        ("OK(a) OR ALARM(a) AND FALSE", False),
        ("TRUE AND (OK(a) OR INSUFFICIENT_DATA(d))", True),
    ],
)
def test_rules_over_alarms(rule, wanted):
    assert composite.holds(composite.parse(rule), STATES.__getitem__) is wanted


@pytest.mark.parametrize(
    "rule", ["", "a", "ALARM a", "ALARM()", "ALARM(a) OK(b)", "AT_LEAST(1, x)", "(TRUE"]
)
def test_rules_that_are_none(rule):
    with pytest.raises(composite.RuleError):
        composite.parse(rule)
