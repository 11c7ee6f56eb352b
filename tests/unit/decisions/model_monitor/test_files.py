from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from decisions.model_monitor.files import MonitorFileError, read, write
from decisions.model_monitor.shapes import Statistics, Violations

_spec = importlib.util.spec_from_file_location("analyzer", Path(__file__).with_name("analyzer.py"))
assert _spec is not None
assert _spec.loader is not None
analyzer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(analyzer)

VALUES = [float(each) for each in range(100)]
WHERE = "s3://bucket/baseline/statistics.json"


def whole() -> dict[str, Any]:
    return analyzer.statistics(
        100, analyzer.number("age", VALUES), analyzer.text("state", {"NY": 60, "NJ": 30}, 10)
    )


def test_a_whole_file_is_read_and_written_the_same() -> None:
    found = read(Statistics, json.dumps(whole()), WHERE)
    assert [each.name for each in found.features] == ["age", "state"]
    assert json.loads(write(found)) == whole()


def test_what_a_container_adds_is_passed_over() -> None:
    document = whole()
    document["features"][0]["numerical_statistics"]["custom"] = {"skew": 1.0}
    assert read(Statistics, json.dumps(document), WHERE).features[0].name == "age"


def test_every_cut_of_a_file_is_refused_by_name() -> None:
    text = json.dumps(whole())
    for end in range(0, len(text) - 1, 97):
        with pytest.raises(MonitorFileError, match=r"s3://bucket/.*cut off"):
            read(Statistics, text[:end], WHERE)


def mend(document: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    at: Any = changed
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return changed


NUMBER: list[Any] = ["features", 0, "numerical_statistics"]
BUCKETS = [*NUMBER, "distribution", "kll", "buckets"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["dataset"], None, "dataset: Field required"),
        (["features"], None, "features: Field required"),
        ([*NUMBER, "common", "num_present"], None, r"\('age'\).*num_present: Field required"),
        ([*NUMBER, "common", "num_present"], -1, "greater than or equal to 0"),
        ([*NUMBER, "common", "num_missing"], 7, "'age' has 107 rows .* data set 100"),
        (["dataset", "item_count"], 101, "'age' has 100 rows"),
        (["features", 1, "name"], "age", "feature 'age' comes more than once"),
        (["features", 0, "inferred_type"], "Number", "'Integral', 'Fractional', 'String'"),
        ([*BUCKETS, 3, "lower_bound"], 0.0, "bucket 3 does not start where"),
        ([*BUCKETS, 3, "upper_bound"], 0.0, "bucket 3 ends before it starts"),
        ([*BUCKETS, 3, "count"], "many", "valid integer"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(path: list[Any], value: Any, said: str) -> None:
    document = mend(whole(), path, value)
    with pytest.raises(MonitorFileError, match=said) as caught:
        read(Statistics, json.dumps(document), WHERE)
    message = str(caught.value)
    assert message.startswith(WHERE)
    assert "Expected Model Monitor's statistics.json" in message
    assert "write it again" in message


def test_another_file_is_told_from_the_expected_one() -> None:
    with pytest.raises(MonitorFileError, match=r"expected Model Monitor's statistics.json|dataset"):
        read(Statistics, json.dumps({"violations": []}), WHERE)
    with pytest.raises(MonitorFileError, match="the document"):
        read(Violations, "[]", WHERE)
