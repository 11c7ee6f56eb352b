"""A manifest agrees with itself, and equal ones are equal bytes."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from decisions.manifest import Manifest

SQL = "SELECT 1"
DIGEST = "ab" * 32


def document(**changes: Any) -> dict[str, Any]:
    start = datetime.fromisoformat("2013-01-01")
    return {
        "use_case": "flights",
        "digest": DIGEST,
        "window": (start, start),
        "as_of": start,
        "written_by": None,
        "inputs": {},
        "sql": SQL,
        "sql_sha256": hashlib.sha256(SQL.encode()).hexdigest(),
        "columns": (),
        "rows": 2,
        "rows_sha256": DIGEST,
        "files": ({"path": "data/a.parquet", "sha256": DIGEST, "rows": 2, "bytes": 9},),
        **changes,
    }


def test_what_is_stored_is_read_back_as_the_same_set() -> None:
    manifest = Manifest.model_validate(document())
    assert Manifest.model_validate_json(manifest.body()).sha256 == manifest.sha256
    assert hashlib.sha256(manifest.body()).hexdigest() == manifest.sha256


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rows": 3}, "do not add up to 3"),
        ({"sql": "SELECT 2"}, "not the digest of sql"),
        ({"files": ({**document()["files"][0], "path": "../a"},)}, "below the manifest's folder"),
        ({"files": ({**document()["files"][0], "path": "/a"},)}, "below the manifest's folder"),
        ({"files": ()}, "at least 1 item"),
        ({"digest": "beef"}, "pattern"),
        ({"more": 1}, "not permitted"),
    ],
)
def test_a_manifest_that_contradicts_itself(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Manifest.model_validate(document(**changes))
