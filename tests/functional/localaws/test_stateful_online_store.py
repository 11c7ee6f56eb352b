"""The online store against a small model of what AWS documents of it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_PutRecord.html: the
newest event time is what the online store holds; an older record goes to the offline store only.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_DeleteRecord.html: after
either deletion GetRecord finds nothing; a hard one removes the record and its event time, a soft
one does not.
AWS does not say what an equal event time does, so none is drawn twice for a record.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

IDS = st.sampled_from(["a", "b", "ü 1"])
TIMES = st.integers(0, 40)
FEATURES = {"id": "String", "at": "String", "value": "Integral"}


def moment(number: int) -> str:
    return f"2026-01-01T00:00:{number:02d}Z"


class OnlineStore(RuleBasedStateMachine):
    """Model: by record, the event time that counts, and its value (None: deleted)."""

    aws: EmbeddedAws

    @initialize()
    def create(self) -> None:
        self.group = f"stateful-{uuid.uuid4().hex[:8]}"
        self.runtime = self.aws.client("sagemaker-featurestore-runtime")
        self.model: dict[str, tuple[int, int | None]] = {}
        self.used: set[tuple[str, int]] = set()
        sagemaker = self.aws.client("sagemaker")
        sagemaker.create_feature_group(
            FeatureGroupName=self.group,
            RecordIdentifierFeatureName="id",
            EventTimeFeatureName="at",
            FeatureDefinitions=[
                {"FeatureName": name, "FeatureType": kind} for name, kind in FEATURES.items()
            ],
            OnlineStoreConfig={"EnableOnlineStore": True},
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = sagemaker.describe_feature_group(FeatureGroupName=self.group)
            if found["FeatureGroupStatus"] == "Created":
                return
            time.sleep(0.01)
        raise AssertionError("the group stays Creating")

    @rule(record=IDS, at=TIMES, value=st.integers(-5, 5), batch=st.booleans())
    def put(self, record: str, at: int, value: int, *, batch: bool) -> None:
        if (record, at) in self.used:
            return
        self.used.add((record, at))
        values = {"id": record, "at": moment(at), "value": str(value)}
        features = [{"FeatureName": name, "ValueAsString": text} for name, text in values.items()]
        if batch:
            entry = {"FeatureGroupName": self.group, "Record": features}
            assert self.runtime.batch_write_record(Entries=[entry])["Errors"] == []
        else:
            self.runtime.put_record(FeatureGroupName=self.group, Record=features)
        if record not in self.model or at > self.model[record][0]:
            self.model[record] = (at, value)

    @rule(record=IDS, at=TIMES)
    def delete_softly(self, record: str, at: int) -> None:
        if (record, at) in self.used:
            return
        self.used.add((record, at))
        self._delete(record, at, "SoftDelete")
        if record not in self.model or at > self.model[record][0]:
            self.model[record] = (at, None)

    @precondition(lambda self: self.model)
    @rule(at=TIMES, data=st.data())
    def delete_hard(self, at: int, data: Any) -> None:
        record = data.draw(st.sampled_from(sorted(self.model)))
        if (record, at) in self.used:
            return
        if at > self.model[record][0]:
            self._delete(record, at, "HardDelete")
            del self.model[record]
        else:
            try:
                self._delete(record, at, "HardDelete")
            except ClientError as error:
                code = error.response["Error"]["Code"]
            else:
                code = "none: a deletion older than the record was accepted"
            assert code == "ValidationError"

    @invariant()
    def reads_agree_with_the_model(self) -> None:
        if not hasattr(self, "group"):
            return
        expected = {
            record: {"id": record, "at": moment(at), "value": str(value)}
            for record, (at, value) in self.model.items()
            if value is not None
        }
        asked = {
            "FeatureGroupName": self.group,
            "RecordIdentifiersValueAsString": ["a", "b", "ü 1"],
        }
        answer = self.runtime.batch_get_record(Identifiers=[asked])
        together = {
            each["RecordIdentifierValueAsString"]: _values(each["Record"])
            for each in answer["Records"]
        }
        assert together == expected
        for record in ("a", "b", "ü 1"):
            alone = self.runtime.get_record(
                FeatureGroupName=self.group, RecordIdentifierValueAsString=record
            )
            assert _values(alone.get("Record", [])) == expected.get(record, {})

    def _delete(self, record: str, at: int, mode: str) -> None:
        self.runtime.delete_record(
            FeatureGroupName=self.group,
            RecordIdentifierValueAsString=record,
            EventTime=moment(at),
            DeletionMode=mode,
        )


def _values(features: list[dict[str, str]]) -> dict[str, str]:
    return {each["FeatureName"]: each["ValueAsString"] for each in features}


def test_the_online_store_does_as_documented(aws: EmbeddedAws) -> None:
    OnlineStore.aws = aws
    run_state_machine_as_test(
        OnlineStore,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
