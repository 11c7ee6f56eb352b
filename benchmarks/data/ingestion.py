"""Records into a feature group: the project's door beside the sagemaker SDK's ingest_dataframe.

The same embedded AWS, the same records, as many threads; each contender in a process of its own,
into a group of its own. What they wrote must be equal, in both stores. The SDK is measured as it
works by default (PutRecord, one record a call) and with its option to use BatchWriteRecord.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.about import about
from benchmarks.servers import ACCOUNT, ROOT, Server, embedded

OURS, BATCHES, SINGLE = "ours", "sdk batches", "sdk single"
#: Contender to (what it is, records a round). The slow write fewer, which tells their rate.
CONTENDERS = {
    OURS: ("FeatureStore.ingest", 20_000),
    BATCHES: ("sagemaker ingest_dataframe(use_batch_write_record=True)", 10_000),
    SINGLE: ("sagemaker ingest_dataframe()", 2_000),
}
_CHILD = Path(__file__).with_name("ingestion_child.py")
_BUCKET, _ROLE = "bench-ingestion", "bench-feature-store"
_FEATURES = {
    "id": "String", "at": "String", **{f"x{k}": "Fractional" for k in range(6)},
    "place": "String", "kind": "String",
}  # fmt: skip

Figures = dict[str, list[dict[str, float]]]


def measure(repeat: int) -> Figures:
    """Run all rounds; return contender to one {seconds, written, peak} a round."""
    figures: Figures = defaultdict(list)
    for turn in range(1, repeat + 1):
        with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
            _round(Path(folder), figures, turn)
        print(f"ingestion: round {turn} of {repeat} done", file=sys.stderr)
    return dict(figures)


def _round(folder: Path, figures: Figures, turn: int) -> None:
    with embedded(folder / "aws") as server:
        _foundations(server)
        names = list(CONTENDERS)
        for contender in names[turn % 3 :] + names[: turn % 3]:  # whoever is first differs
            count = CONTENDERS[contender][1]
            _make_group(server, _group(contender))
            answer = _run(server, folder, contender, count)
            assert answer["written"] == count, answer
            figures[contender].append({**answer, "rate": count / answer["seconds"]})
        _assert_equal(server)


def _run(server: Server, folder: Path, contender: str, count: int) -> dict[str, float]:
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": f"LOCALAWS{ACCOUNT}",
        "AWS_SECRET_ACCESS_KEY": "unchecked",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        # The SDK reports each call to its makers: no https leaves this process, its proxy is a
        # closed port. Forbidding it by configuration would cost the SDK 0.2 s at every look.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    argv = [sys.executable, str(_CHILD), contender, server.endpoint_url, _group(contender)]
    done = subprocess.run(
        [*argv, str(count)], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _group(contender: str) -> str:
    return "bench-" + contender.replace(" ", "-")


def _foundations(server: Server) -> None:
    server.client("s3").create_bucket(Bucket=_BUCKET)
    iam = server.client("iam")
    principal = {"Service": "sagemaker.amazonaws.com"}
    trust = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]
    may = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    iam.create_role(RoleName=_ROLE, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=_ROLE, PolicyName="may", PolicyDocument=_policy(may))


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _make_group(server: Server, name: str) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[
            {"FeatureName": n, "FeatureType": kind} for n, kind in _FEATURES.items()
        ],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{_BUCKET}/offline"}},
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{_ROLE}",
    )
    while _status(sagemaker, name) != "Created":
        time.sleep(0.05)


def _status(sagemaker: Any, name: str) -> str:
    return str(sagemaker.describe_feature_group(FeatureGroupName=name)["FeatureGroupStatus"])


def _assert_equal(server: Server) -> None:
    """Compare what the contenders wrote: all of it offline by Athena, some online."""
    tables = {contender: _table(server, contender) for contender in CONTENDERS}
    for contender, table in tables.items():
        _wait_for_rows(server, table, CONTENDERS[contender][1])
    columns = ", ".join(f'"{name}"' for name in _FEATURES)
    for peer in (BATCHES, SINGLE):
        lacking = (
            f"SELECT {columns} FROM {tables[peer]} EXCEPT SELECT {columns} FROM {tables[OURS]}"  # noqa: S608
        )
        assert _number(server, f"SELECT count(*) FROM ({lacking})") == 0, peer  # noqa: S608
    runtime = server.client("sagemaker-featurestore-runtime")
    ids = [f"r{n}" for n in range(0, CONTENDERS[SINGLE][1], 53)]
    for start in range(0, len(ids), 100):
        chunk = ids[start : start + 100]
        answers = [_records(runtime, _group(contender), chunk) for contender in CONTENDERS]
        assert answers[0] == answers[1] == answers[2]
        assert len(answers[0]) == len(chunk)


def _records(runtime: Any, group: str, ids: list[str]) -> dict[str, dict[str, str]]:
    asked = [{"FeatureGroupName": group, "RecordIdentifiersValueAsString": ids}]
    return {
        each["RecordIdentifierValueAsString"]: {
            value["FeatureName"]: value["ValueAsString"] for value in each["Record"]
        }
        for each in runtime.batch_get_record(Identifiers=asked)["Records"]
    }


def _table(server: Server, contender: str) -> str:
    group = server.client("sagemaker").describe_feature_group(FeatureGroupName=_group(contender))
    catalogue = group["OfflineStoreConfig"]["DataCatalogConfig"]
    return f'"{catalogue["Database"]}"."{catalogue["TableName"]}"'


def _wait_for_rows(server: Server, table: str, count: int) -> None:
    deadline = time.monotonic() + 60
    while (found := _number(server, f"SELECT count(*) FROM {table}")) < count:  # noqa: S608
        if time.monotonic() > deadline:
            raise SystemExit(f"{table} shows {found} of {count} records")
        time.sleep(0.5)


def _number(server: Server, sql: str) -> int:
    athena = server.client("athena")
    place = {"OutputLocation": f"s3://{_BUCKET}/athena/"}
    query = athena.start_query_execution(QueryString=sql, ResultConfiguration=place)
    query_id = query["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            rows = athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
            return int(rows[1]["Data"][0]["VarCharValue"])
        if status["State"] == "FAILED":
            raise SystemExit(status["StateChangeReason"])
        time.sleep(0.05)


def section(figures: Figures) -> str:
    """Return the benchmark as a section of Markdown: medians, ranges, ratios."""
    rounds = len(figures[OURS])
    lines = ["## Ingestion into Feature Store", "", *about(("sagemaker", "boto3", "pandas")), ""]
    lines += [
        f"Medians of {rounds} rounds, ranges in brackets; ten features a record, four threads, the",
        "embedded AWS on the same machine. Ratios are ours to the peer's, round by round. After",
        "each round both stores hold the same, asserted in Athena and by BatchGetRecord.",
        "",
        "| | records/s | ours is faster by | wanted | peak RSS, MiB |",
        "|---|---:|---:|---|---:|",
    ]
    return "\n".join(lines + [_row(name, figures) for name in CONTENDERS])


def _row(contender: str, figures: Figures) -> str:
    rates = [each["rate"] for each in figures[contender]]
    peak = statistics.median(each["peak"] for each in figures[contender])
    pairs = zip(figures[OURS], figures[contender], strict=True)
    ratio = statistics.median(own["rate"] / peer["rate"] for own, peer in pairs)
    shown = f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"
    compared = ("", "") if contender == OURS else (f"{ratio:.1f} x", "≥ 3 x")
    title = CONTENDERS[contender][0]
    return f"| `{title}` | {shown} | {compared[0]} | {compared[1]} | {peak:,.0f} |"
