"""The server and its programs connect nowhere but to this machine, and listen on loopback only.

Watched from outside, by strace where there is one, so that compiled libraries and the programs
that the server starts are seen too; and by Python's audit hooks in the server itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.conftest import ACCOUNTS
from tests.functional.localaws import code_world, core_world
from tests.functional.localaws.athena_world import AthenaWorld
from tests.functional.localaws.sagemaker_world import World, unique, until

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOK = """
import os, sys
_log = os.open(os.environ.pop("AUDIT_LOG"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def _hook(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto"):
        os.write(_log, f"{event} {arguments[1]!r}\\n".encode())
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        os.write(_log, f"{event} {arguments[0]!r}\\n".encode())
sys.addaudithook(_hook)
"""
_INET = re.compile(r"sa_family=AF_INET6?\b")
_HERE = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "(::1|::ffff:127\.[0-9.]+)"')
_AUDITED_HERE = re.compile(r"'(127\.[0-9.]+|localhost|::1)'")
_BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands: [python -c 'print(1)']\n"


def outside(lines: list[str]) -> list[str]:
    """The lines of strace's that name an address that is not of this machine."""
    return [line for line in lines if _INET.search(line) and not _HERE.search(line)]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ('connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}', 1),
        ('connect(3, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.1")}', 0),
        ('bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}', 1),
        ('connect(3, {sa_family=AF_INET6, inet_pton(AF_INET6, "2600::1", &sin6_addr)}', 1),
        ('connect(3, {sa_family=AF_INET6, inet_pton(AF_INET6, "::1", &sin6_addr)}', 0),
        ('connect(3, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}', 0),
    ],
)
def test_an_outside_address_is_recognised(line: str, count: int) -> None:
    assert len(outside([line])) == count


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server under watch."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    argv = [sys.executable, "-m", "localaws", "--port", "0", "--state", str(folder / "aws")]
    trace = folder / "trace"
    strace = _strace()
    if strace:
        # -D: the server, not strace, is our child.
        argv = [strace, "-D", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,bind",
                "-o", str(trace), *argv]  # fmt: skip
    process = subprocess.Popen(
        argv,
        cwd=core_world.ROOT,
        env=os.environ | {"PYTHONPATH": str(folder / "hook"), "AUDIT_LOG": str(folder / "audit")},
        stdout=subprocess.PIPE,
        stderr=(folder / "log").open("w"),
        text=True,
    )
    try:
        line = process.stdout.readline()  # type: ignore[union-attr]
        assert line, (folder / "log").read_text()
        yield SimpleNamespace(
            endpoint_url=line.split()[-1], pid=process.pid, trace=trace, audit=folder / "audit",
            context=SimpleNamespace(state=folder / "aws"),
        )  # fmt: skip
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _strace() -> str | None:
    """Where strace is, if it is there and may trace (a container may forbid it)."""
    path = shutil.which("strace")
    if path is None or subprocess.run([path, "-o", os.devnull, "true"], check=False).returncode:
        return None
    return path


def _work(watched: SimpleNamespace) -> None:
    """Make every provider of ours do what it does, programs included."""
    aws: Any = SimpleNamespace(
        context=watched.context,
        client=lambda service, account="experimentation": core_world.client(
            watched.endpoint_url, service, ACCOUNTS[account]
        ),
    )
    world = World(aws)
    job = world.ended_processing(world.processing_job("print('done')"))
    assert job["ProcessingJobStatus"] == "Completed"
    request = world.training_job("print('trained')")
    world.sagemaker.create_training_job(**request)
    assert world.ended_training(request["TrainingJobName"])["TrainingJobStatus"] == "Completed"
    _serve(world)
    lake = AthenaWorld(aws)
    query = _query(lake)
    until(
        lambda: lake.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"],
        lambda status: status["State"] == "SUCCEEDED",
    )
    code = code_world.World(watched.endpoint_url)
    code.prepare()
    code.create_project("watched", _BUILDSPEC, "NO_SOURCE")
    assert code.build("watched")["buildStatus"] == "SUCCEEDED"
    _tell(aws)


def _query(lake: AthenaWorld) -> str:
    answer = lake.athena.start_query_execution(QueryString="SELECT 1", WorkGroup=lake.workgroup)
    return str(answer["QueryExecutionId"])


def _serve(world: World) -> None:
    name = unique("watched")
    config = world.configuration(world.container(world.model_data("2")))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    until(
        lambda: world.sagemaker.describe_endpoint(EndpointName=name),
        lambda endpoint: endpoint["EndpointStatus"] == "InService",
    )
    answer = world.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=json.dumps({"n": 21}), ContentType="application/json"
    )
    assert json.loads(answer["Body"].read()) == {"prediction": 42}


def _tell(aws: Any) -> None:
    topic = aws.client("sns").create_topic(Name="watched")["TopicArn"]
    queue = aws.client("sqs").create_queue(QueueName="watched")["QueueUrl"]
    arn = topic.replace(":sns:", ":sqs:")
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws.client("sns").publish(TopicArn=topic, Message="told")
    messages = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert "told" in messages[0]["Body"]


def test_a_busy_server_stays_on_this_machine(watched: SimpleNamespace) -> None:
    _work(watched)
    audited = watched.audit.read_text().splitlines()
    assert any(line.startswith("socket.connect") for line in audited), "the hook saw nothing"
    assert [line for line in audited if not _AUDITED_HERE.search(line)] == []
    if watched.trace.exists():
        traced = watched.trace.read_text().splitlines()
        assert any("connect(" in line for line in traced), "strace saw nothing"
        assert outside(traced) == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux tells in /proc who listens")
def test_the_server_and_its_programs_listen_on_loopback(watched: SimpleNamespace) -> None:
    sockets = set().union(*(_sockets(pid) for pid in _family(watched.pid)))
    listening = [
        address
        for table in ("tcp", "tcp6")
        for address, state, inode in _table(table)
        if state == "0A" and inode in sockets
    ]
    assert listening
    assert {address.partition(":")[0] for address in listening} == {"0100007F"}  # 127.0.0.1


def _table(name: str) -> Iterator[tuple[str, str, str]]:
    for line in Path("/proc/net", name).read_text().splitlines()[1:]:
        columns = line.split()
        yield columns[1], columns[3], columns[9]


def _sockets(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = str(link.readlink())
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    below = [int(child) for file in children for child in file.read_text().split()]
    return [pid, *(each for child in below for each in _family(child))]
