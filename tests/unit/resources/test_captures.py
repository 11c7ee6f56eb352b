"""Capture files: every line has one fate, whatever the bytes are."""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from resources.captures import Account, new_files, read_files
from resources.errors import Missing
from resources.objects import ObjectFacts, Objects

FOLDER = "flight-delay/v7/flight-delay/AllTraffic/2026/11/30/02"


class Bucket:
    """Objects by key, as `Objects` reads them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def list(self, prefix: str) -> Any:
        keys = sorted(key for key in self.files if key.startswith(prefix))
        return iter([ObjectFacts(key, 1, "", cast("Any", None)) for key in keys])

    def get(self, key: str) -> bytes:
        if key not in self.files:
            raise Missing(key)
        return self.files[key]


def bucket(files: dict[str, bytes]) -> Objects:
    return cast("Objects", Bucket(files))


def line(inference_id: str | None = "f-1", event_id: str = "e-1", instances: int = 1) -> bytes:
    sent = {"instances": [{"a": 1}] * instances}
    said = {"predictions": [{"probability": 0.5}] * instances}
    document: dict[str, Any] = {
        "captureData": {
            "endpointInput": {"data": json.dumps(sent), "encoding": "JSON"},
            "endpointOutput": {"data": json.dumps(said), "encoding": "JSON"},
        },
        "eventMetadata": {"eventId": event_id, "inferenceTime": "2026-11-30T02:00:00Z"},
    }
    if inference_id:
        document["eventMetadata"]["inferenceId"] = inference_id
    return json.dumps(document).encode()


def test_a_row_leads_back_to_its_model() -> None:
    account = Account()
    (row,) = read_files(bucket({f"{FOLDER}/a.jsonl": line()}), [f"{FOLDER}/a.jsonl"], account)
    assert (row.version, row.variant) == (7, "AllTraffic")
    (lost,) = read_files(bucket({"elsewhere.jsonl": line()}), ["elsewhere.jsonl"], account)
    assert (lost.version, lost.variant) == (None, None)


def test_a_file_that_expired_meanwhile_is_counted() -> None:
    account = Account()
    assert not list(read_files(bucket({}), ["gone.jsonl"], account))
    assert (account.files, account.gone) == (0, 1)


def test_only_what_is_new_is_read() -> None:
    there = {f"{FOLDER}/{n}.jsonl": b"" for n in range(5)} | {"flight-delay-2/x.jsonl": b""}
    known = {f"{FOLDER}/0.jsonl"}
    keys, all_keys = new_files(bucket(there), "flight-delay", known, most=3)
    assert keys == [f"{FOLDER}/{n}.jsonl" for n in (1, 2, 3)]
    assert len(all_keys) == 5


def test_a_separator_that_json_may_hold_ends_no_line() -> None:
    account = Account()
    text = line().decode().replace("f-1", "f\u2028\u00851")
    (row,) = read_files(bucket({"k": text.encode()}), ["k"], account)
    assert row.prediction.inference_id == "f\u2028\u00851"
    assert account.lines == 1


lines = st.one_of(
    st.just(line()),
    st.just(line(inference_id=None)),
    st.just(line(instances=2)),
    st.just(b""),
    st.just(b"   "),
    st.binary(max_size=30),
)


@given(st.lists(st.lists(lines, max_size=6), max_size=4))
def test_every_line_has_one_fate(files: list[list[bytes]]) -> None:
    there = {f"{n}.jsonl": b"\n".join(body) for n, body in enumerate(files)}
    account = Account()
    rows = list(read_files(bucket(there), sorted(there), account))
    others = account.unnamed + account.several + account.malformed
    assert account.lines == len(rows) + others
    assert sum(account.reasons.values()) == others
    assert account.files == len(files)
