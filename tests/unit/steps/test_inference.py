"""Serving: what a request may be, and that it is encoded as training encoded."""

from __future__ import annotations

import importlib.util
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.steps import data, inference
from pipelines.steps.inference import Encoding, input_fn, instance_columns, output_fn

if TYPE_CHECKING:
    from pathlib import Path

ENCODING = Encoding(
    (("carrier", "categorical"), ("hour", "numeric")), {"carrier": ("UA", "7", "true")}
)
GOOD = {"carrier": "UA", "hour": 8}


def test_unknown_and_missing_categories_have_codes_of_their_own() -> None:
    instances = [{"carrier": value, "hour": 1} for value in ("UA", 7, True, "ZZ", None)]
    codes = ENCODING.matrix(instance_columns(instances, ENCODING))[:, 0]
    assert codes[:4].tolist() == [1.0, 2.0, 3.0, 0.0]
    assert math.isnan(codes[4])


@pytest.mark.parametrize("column", [["UA", None, "x"], [7, None, 8], [True, None, False]])
def test_a_column_and_an_instance_encode_alike(column: list[Any]) -> None:
    bulk = ENCODING.matrix({"carrier": data.texts(pa.array(column)), "hour": [0, 0, 0]})
    single = [
        ENCODING.matrix(instance_columns([{"carrier": value, "hour": 0}], ENCODING))[0]
        for value in column
    ]
    np.testing.assert_array_equal(bulk, np.array(single))


def test_frequent_categories_are_kept_and_rare_ones_are_not() -> None:
    values = ["b"] * 20 + ["a"] * 20 + ["c"] * 30 + ["rare"] + [None] * 50
    assert inference.learn_categories(values) == ("c", "a", "b")


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ({"carrier": "UA"}, "lacks the feature 'hour'"),
        (GOOD | {"tail": 1}, "has 'tail'"),
        (GOOD | {"hour": "8"}, "hour is '8'; expected a finite number"),
        (GOOD | {"hour": 10**400}, "expected a finite number"),
        (GOOD | {"carrier": 1.5}, "carrier is '1.5'"),
        (GOOD | {"carrier": ["UA"]}, "carrier"),
        ("UA", "must be an object"),
    ],
)
def test_an_instance_that_does_not_fit_is_named(instance: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=r"instances\[1\]") as refused:
        instance_columns([GOOD, instance], ENCODING)
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", "not JSON"),
        (b'{"instances": [{"hour": NaN}]}', "NaN"),
        (b"[]", "must be"),
        (b'{"instances": []}', "1 to 1000"),
        (json.dumps({"instances": [GOOD] * 1001}), "1 to 1000"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: bytes | str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        input_fn(body, "application/json")


def test_other_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="text/csv"):
        input_fn("1,2", "text/csv")
    with pytest.raises(ValueError, match="text/csv"):
        output_fn([], "text/csv")
    assert input_fn(json.dumps({"instances": [GOOD]}), "application/json; charset=utf-8") == [GOOD]


def test_inside_an_artifact_input_fn_already_checks_features(tmp_path: Path) -> None:
    """The toolkit counts a refusal by input_fn as the caller's fault, one by predict_fn as ours."""
    (tmp_path / "code").mkdir()
    (tmp_path / "model.json").write_text(json.dumps(ENCODING.document()))
    copied = tmp_path / "code" / "inference.py"
    copied.write_bytes(open(inference.__file__, "rb").read())  # noqa: PTH123, SIM115
    spec = importlib.util.spec_from_file_location("artifact_inference", copied)
    assert spec is not None
    assert spec.loader is not None
    served = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["artifact_inference"] = served
    spec.loader.exec_module(served)
    assert served.input_fn(json.dumps({"instances": [GOOD]}), "application/json") == [GOOD]
    with pytest.raises(ValueError, match="lacks the feature 'hour'"):
        served.input_fn('{"instances": [{"carrier": "UA"}]}', "application/json")
