"""The quick check never passes what the thorough one refuses, and passes what is common."""

from __future__ import annotations

import copy
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.core.conforming import conforming
from localaws.core.validation import _pattern, _problems

SESSION = botocore.session.get_session()
RECORD = [{"FeatureName": "id", "ValueAsString": "a"}, {"FeatureName": "x", "ValueAsString": "1"}]
GOOD: dict[tuple[str, str], dict[str, Any]] = {
    ("sagemaker-featurestore-runtime", "BatchWriteRecord"): {
        "Entries": [
            {
                "FeatureGroupName": "g", "Record": RECORD, "TargetStores": ["OnlineStore"],
                "TtlDuration": {"Unit": "Days", "Value": 3},
            }
        ],
    },
    ("sagemaker", "CreateFeatureGroup"): {
        "FeatureGroupName": "g", "RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "at",
        "FeatureDefinitions": [{"FeatureName": "id", "FeatureType": "String"}],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "Tags": [{"Key": "k", "Value": "v"}],
    },
    ("glue", "CreateTable"): {
        "DatabaseName": "d",
        "TableInput": {
            "Name": "t", "Retention": 3, "Parameters": {"k": "v"},
            "StorageDescriptor": {"Columns": [{"Name": "c", "Type": "int"}], "Compressed": False},
        },
    },
    ("dynamodb", "PutItem"): {"TableName": "t", "Item": {"k": {"S": "v"}}},
    ("emr", "RunJobFlow"): {
        "Name": "n", "Instances": {},
        "Configurations": [{"Configurations": [{"Classification": "inner"}]}],
    },
}  # fmt: skip
ODD = st.sampled_from(
    [None, True, 0, -1, 10**12, 1.5, "", "a", "\u00e4 b/c", "x" * 400_000, b"", [], [None], ["a"],
     {}, {"unknown": 1}, {"Unit": "Years", "Value": 0}]
)  # fmt: skip


def shape_of(service: str, operation: str) -> Any:
    return SESSION.get_service_model(service).operation_model(operation).input_shape


def in_order(shape: Any, value: Any) -> bool:
    if ParamValidator().validate(value, shape).has_errors():
        return False
    return not list(_problems(shape, value, ""))


def places(value: Any, path: tuple = ()) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        each
        for key, item in items
        for each in ([(*path, key), *places(item, (*path, key))] if isinstance(item, dict | list)
                     else [(*path, key)])
    ]  # fmt: skip


@pytest.mark.parametrize("where", [key for key in GOOD if key[0] not in ("dynamodb", "emr")])
def test_what_is_common_is_passed(where):
    assert conforming(shape_of(*where), _pattern)(GOOD[where])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(list(GOOD)), st.data())
def test_what_it_passes_is_in_order(where, data):
    shape, value = shape_of(*where), copy.deepcopy(GOOD[where])
    assert in_order(shape, value)
    path = data.draw(st.sampled_from(places(value)))
    inner: Any = value
    for key in path[:-1]:
        inner = inner[key]
    change = data.draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
    if change == "replace":
        inner[path[-1]] = data.draw(ODD)
    elif change == "remove":
        del inner[path[-1]]
    elif isinstance(inner, dict):
        inner[data.draw(st.sampled_from(["Unknown", "Name", "Value", path[-1]]))] = data.draw(ODD)
    else:
        inner.extend(inner * (30 if change == "repeat" else 1))
    if conforming(shape, _pattern)(value):
        assert in_order(shape, value)
