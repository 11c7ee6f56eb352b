"""The embedded AWS beside plain moto server and plain DuckDB, in the same run.

Each figure is the median of some rounds; in a round the rivals take turns, so that both meet the
same machine. How a server is run belongs to servers.py.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from benchmarks import athena_rows
from benchmarks.about import about
from benchmarks.servers import ACCOUNT, OURS, Server, embedded, plain_moto

if TYPE_CHECKING:
    from collections.abc import Callable

Figures = dict[str, list[float]]

_CALLS = 150
_RECORDS = 2000
_THREADS = 4
_OVERWRITES = 50
_GROUP = "bench-features"

#: Figure to (unit, what the issue that asked for it wants, how to compare).
WANTED = {
    "start": ("s", "≤ 1.5"),
    "idle": ("MiB", "≤ 150"),
    "PutRecord, 4 threads, HTTP": ("records/s", "≥ 1,000"),
    "PutRecord, 4 threads, boto3": ("records/s", "≥ 1,000"),
    "5xx among 400 overwrites, 8 threads": ("answers", "0"),
}


def measure(repeat: int) -> dict[str, Figures]:
    """Run all rounds; return figure to server to one number a round."""
    figures: dict[str, Figures] = defaultdict(lambda: defaultdict(list))
    for turn in range(1, repeat + 1):
        with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
            _round(Path(folder), figures)
        print(f"round {turn} of {repeat} done", file=sys.stderr)
    return figures


def _round(folder: Path, figures: dict[str, Figures]) -> None:
    with embedded(folder / "aws") as ours, plain_moto() as peer:
        for server in (ours, peer):
            figures["start"][server.name].append(server.start_seconds)
        time.sleep(1)
        for server in (ours, peer):
            figures["idle"][server.name].append(server.resident_megabytes())
        _passed_through((ours, peer), figures)
        for server in (ours, peer):
            name = "5xx among 400 overwrites, 8 threads"
            figures[name][server.name].append(_overwrites(server))
        _put_records(ours, figures)
        athena_rows.compare(ours, folder, figures)


def _passed_through(servers: tuple[Server, ...], figures: dict[str, Figures]) -> None:
    calls = {server.name: _calls(server) for server in servers}
    for name in calls[OURS]:
        for server in servers:
            call = calls[server.name][name]
            call(0)
            began = time.perf_counter()
            for number in range(_CALLS):
                call(number)
            rate = _CALLS / (time.perf_counter() - began)
            figures[f"{name}, calls/s"][server.name].append(rate)


def _calls(server: Server) -> dict[str, Callable[[int], Any]]:
    s3, ssm, glue, sqs = (server.client(name) for name in ("s3", "ssm", "glue", "sqs"))
    s3.create_bucket(Bucket="bench")
    glue.create_database(DatabaseInput={"Name": "bench"})
    glue.create_table(DatabaseName="bench", TableInput={"Name": "t"})
    queue = sqs.create_queue(QueueName="bench")["QueueUrl"]
    body = b"x" * 4096
    return {
        "s3 PutObject 4 KB": lambda n: s3.put_object(Bucket="bench", Key=f"k{n}", Body=body),
        "s3 GetObject 4 KB": lambda n: s3.get_object(Bucket="bench", Key=f"k{n}")["Body"].read(),
        "ssm PutParameter": lambda n: ssm.put_parameter(Name=f"/b/{n}", Value="v", Type="String",
                                                        Overwrite=True),
        "ssm GetParameter": lambda n: ssm.get_parameter(Name=f"/b/{n}"),
        "glue GetTable": lambda _: glue.get_table(DatabaseName="bench", Name="t"),
        "sqs SendMessage": lambda n: sqs.send_message(QueueUrl=queue, MessageBody=str(n)),
    }  # fmt: skip


def _overwrites(server: Server) -> float:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bench-overwritten")

    def work(worker: int) -> int:
        failures = 0
        for turn in range(_OVERWRITES):
            try:
                s3.put_object(Bucket="bench-overwritten", Key="k", Body=f"{worker}-{turn}".encode())
            except ClientError as error:
                failures += error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        return failures

    with ThreadPoolExecutor(8) as pool:
        return float(sum(pool.map(work, range(8))))


def _put_records(server: Server, figures: dict[str, Figures]) -> None:
    _feature_group(server)
    for way, worker in (("HTTP", _put_over_http), ("boto3", _put_with_boto3)):
        began = time.perf_counter()
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda n, do=worker: do(server, n), range(_THREADS)))
        rate = _RECORDS / (time.perf_counter() - began)
        figures[f"PutRecord, {_THREADS} threads, {way}"][server.name].append(rate)


def _feature_group(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    kinds = {"id": "String", "at": "String", "value": "Fractional"}
    sagemaker.create_feature_group(
        FeatureGroupName=_GROUP,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": k, "FeatureType": v} for k, v in kinds.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    while (
        sagemaker.describe_feature_group(FeatureGroupName=_GROUP)["FeatureGroupStatus"] != "Created"
    ):
        time.sleep(0.02)


def _record(worker: int, number: int) -> list[dict[str, str]]:
    values = {"id": f"{worker}-{number}", "at": "2026-01-01T00:00:00Z", "value": "1.5"}
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


def _put_with_boto3(server: Server, worker: int) -> None:
    client = server.client("sagemaker-featurestore-runtime")
    for number in range(_RECORDS // _THREADS):
        client.put_record(FeatureGroupName=_GROUP, Record=_record(worker, number))


def _put_over_http(server: Server, worker: int) -> None:
    # Signing and validating take boto3 longer than the server takes to answer.
    connection = http.client.HTTPConnection(server.endpoint_url.removeprefix("http://"))
    scope = "20260101/us-east-1/sagemaker/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential=LOCALAWS{ACCOUNT}/{scope}, "
        "SignedHeaders=host, Signature=unchecked",
        "Content-Type": "application/json",
    }
    for number in range(_RECORDS // _THREADS):
        body = json.dumps({"Record": _record(worker, number)})
        connection.request("PUT", f"/FeatureGroup/{_GROUP}", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"PutRecord answered {answer.status}")
    connection.close()


def section(figures: dict[str, Figures]) -> str:
    """Return the benchmark as a section of Markdown: medians, ranges, ratios."""
    rounds = len(figures["start"][OURS])
    lines = ["## The embedded AWS", "", *about(("boto3", "moto", "duckdb", "cheroot")), ""]
    lines += [
        f"Medians of {rounds} rounds, ranges in brackets. In a round the servers take turns; the",
        "boto3 clients do not retry.",
        "",
        f"| figure | {OURS} | rival | ratio | wanted |",
        "|---|---:|---:|---:|---|",
    ]
    return "\n".join(lines + [_row(name, each) for name, each in figures.items()])


def _row(name: str, measured: Figures) -> str:
    unit, wanted = WANTED.get(name, ("", ""))
    if name.endswith("calls/s"):
        wanted = "≥ 0.90 of moto's"
    elif name.startswith("Athena"):
        unit, wanted = "s", "≤ 1.5 of DuckDB's"
    rivals = [rival for rival in measured if rival != OURS]
    shown = _shown(measured[OURS])
    if not rivals:
        return f"| {name}, {unit} | {shown} |  |  | {wanted} |"
    rival = measured[rivals[0]]
    ratio = _ratio(measured[OURS], rival)
    title = f"{name}, {unit}" if unit else name
    return f"| {title} | {shown} | {rivals[0]}: {_shown(rival)} | {ratio} | {wanted} |"


def _ratio(ours: list[float], rival: list[float]) -> str:
    # Round by round, then the median: what disturbs one round disturbs both servers.
    ratios = [a / b for a, b in zip(ours, rival, strict=True) if b]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def _shown(values: list[float]) -> str:
    middle = statistics.median(values)
    digits = 0 if middle >= 20 or middle == 0 else 2
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"
