"""A scene without the project: clients that call our providers and moto as fast as they answer.

Few seconds, many acknowledged calls; every call carries a token or a name, and is repeated until it
is answered. What the project does with AWS is played by loop.py.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from benchmarks.kills.duplicates import ASSETS, token_duplicates
from resources.outages import wait_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.kills.ledger import Call
    from benchmarks.kills.loop import Told
    from benchmarks.kills.moments import Killer
    from benchmarks.kills.readers import Readers

NAME = "under-fire"
_ROLE = f"arn:aws:iam::{ASSETS}:role/{NAME}"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["sagemaker.amazonaws.com", "codepipeline.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}
_FEATURES = ("id", "at", "value")
_DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [],
    "Steps": [{"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "the end"}}],
}
_BEGIN = datetime(2013, 1, 1, tzinfo=UTC)


class Calls:
    """Four workers, each at one kind of call."""

    def __init__(self, _state: Path, url: str, readers: Readers, tell: Told) -> None:
        self.repairs = 0
        self._url = url
        self._readers = readers
        self._tell = tell
        self._failures: list[str] = []
        self._clients: dict[str, Any] = {}

    def play(self, killer: Killer, deadline: float) -> None:
        """Call until all kills are done."""
        self._prepare()
        work = (self._record, self._query, self._train, self._object)
        threads = [
            threading.Thread(target=self._repeat, args=(each, killer, deadline)) for each in work
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def down(self) -> None:
        """Nothing was started."""

    def problems(self) -> list[str]:
        """Every call was answered at last."""
        return self._failures

    def inventory(self, calls: list[Call]) -> tuple[list[str], list[str]]:
        """Ask for executions and queries: none twice, none without an end."""
        sagemaker = self._readers.client("sagemaker", ASSETS)
        athena = self._readers.client("athena", ASSETS)
        pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=NAME)
        found = [each for page in pages for each in page["PipelineExecutionSummaries"]]
        names = Counter(each["PipelineExecutionDisplayName"] for each in found)
        twice = [f"training {name}: {count} times" for name, count in names.items() if count > 1]
        going = [
            f"training {each['PipelineExecutionArn']}"
            for each in found
            if each["PipelineExecutionStatus"] in {"Executing", "Stopping"}
        ]
        pages = athena.get_paginator("list_query_executions").paginate()
        ids = [each for page in pages for each in page["QueryExecutionIds"]]
        for query_id in ids:
            query = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if query["Status"]["State"] in {"QUEUED", "RUNNING"}:
                going.append(f"query {query_id}")
        asked = sum(call.name == "athena:StartQueryExecution" for call in calls)
        if len(ids) > asked:
            twice.append(f"{len(ids)} queries, though {asked} were asked for")
        return twice + token_duplicates(calls), going

    def _repeat(self, work: Callable[[int], None], killer: Killer, deadline: float) -> None:
        number = 0
        while not killer.finished and killer.failure is None and time.monotonic() < deadline:
            number += 1
            try:
                work(number)
            except Exception as error:  # noqa: BLE001 - told at the run's end
                self._failures.append(f"{work.__name__} {number}: {error!r}")
                return
        self._tell(f"{work.__name__.strip('_')}: {number} times")

    def _prepare(self) -> None:
        def made(operation: Callable[..., Any], **request: Any) -> None:
            try:
                operation(**request)
            except Exception as error:
                # A first request may have made it, and its answer been lost.
                if "lready" not in str(error):
                    raise

        s3, iam, sagemaker = (self._client(name) for name in ("s3", "iam", "sagemaker"))
        made(s3.create_bucket, Bucket=NAME)
        enabled = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration=enabled)
        made(iam.create_role, RoleName=NAME, AssumeRolePolicyDocument=json.dumps(_TRUST))
        made(
            sagemaker.create_feature_group, FeatureGroupName=NAME,
            RecordIdentifierFeatureName="id", EventTimeFeatureName="at",
            FeatureDefinitions=[{"FeatureName": f, "FeatureType": "String"} for f in _FEATURES],
            OnlineStoreConfig={"EnableOnlineStore": True}, RoleArn=_ROLE,
        )  # fmt: skip
        sagemaker.create_pipeline(
            PipelineName=NAME, PipelineDefinition=json.dumps(_DEFINITION), RoleArn=_ROLE,
            ClientRequestToken=_token("pipeline", 0), Tags=[{"Key": "made", "Value": "once"}],
        )  # fmt: skip
        while True:
            group = sagemaker.describe_feature_group(FeatureGroupName=NAME)
            if group["FeatureGroupStatus"] == "Created":
                return
            time.sleep(0.1)

    def _record(self, number: int) -> None:
        at = _BEGIN + timedelta(seconds=number)
        values = (f"id-{number % 50}", f"{at:%Y-%m-%dT%H:%M:%SZ}", str(number))
        self._client("sagemaker-featurestore-runtime").put_record(
            FeatureGroupName=NAME,
            Record=[
                {"FeatureName": name, "ValueAsString": value}
                for name, value in zip(_FEATURES, values, strict=True)
            ],
        )

    def _query(self, number: int) -> None:
        self._client("athena").start_query_execution(
            QueryString=f"SELECT {number}", ClientRequestToken=_token("query", number),
            QueryExecutionContext={"Database": "default"},
            ResultConfiguration={"OutputLocation": f"s3://{NAME}/results/"},
        )  # fmt: skip
        time.sleep(0.1)  # or the queue would outlast the run

    def _train(self, number: int) -> None:
        self._client("sagemaker").start_pipeline_execution(
            PipelineName=NAME, ClientRequestToken=_token("training", number),
            PipelineExecutionDisplayName=f"training-{number}",
        )  # fmt: skip
        time.sleep(0.1)

    def _object(self, number: int) -> None:
        body = str(number).encode()
        self._client("s3").put_object(Bucket=NAME, Key=f"key-{number % 20}", Body=body)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def _made(self, service: str) -> Any:
        session = boto3.session.Session(
            aws_access_key_id=f"LOCALAWS{ASSETS}",
            aws_secret_access_key="loopback",  # noqa: S106 - loopback only
            region_name="us-east-1",
        )
        config = Config(s3={"addressing_style": "path"})
        return wait_out(session.client(service, endpoint_url=self._url, config=config), 60.0)


def _token(kind: str, number: int) -> str:
    return f"{NAME}-{kind}-{number:032}"
