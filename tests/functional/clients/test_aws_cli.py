"""The AWS CLI, unchanged, each command a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.conftest import EmbeddedAws

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


class Cli:
    """``aws`` with the environment of a user whose endpoint is the embedded AWS."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._folder = folder
        self._forks = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "aws_forks.py")],
            env=os.environ | environment | {"AWS_PAGER": ""},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        self._forks.stdin.close()
        self._forks.wait(10)

    def run(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        files = {name: str(self._folder / name) for name in ("stdin", "stdout", "stderr")}
        Path(files["stdin"]).write_bytes(stdin)
        self._forks.stdin.write(json.dumps({"arguments": arguments} | files) + "\n")
        self._forks.stdin.flush()
        code = int(self._forks.stdout.readline())
        said, complained = (Path(files[name]).read_text() for name in ("stdout", "stderr"))
        return code, said.strip(), complained.strip()

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Any:
        """Run a command that must succeed; return what it printed, parsed if it is JSON."""
        code, said, complained = self.run(*arguments, stdin=stdin)
        assert code == 0, complained
        return json.loads(said) if said[:1] in {"{", "["} else said

    def refused(self, *arguments: str) -> tuple[int, str]:
        code, _, complained = self.run(*arguments)
        return code, complained


@pytest.fixture(scope="module")
def cli(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    made = Cli(environment, tmp_path_factory.mktemp("cli"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def name() -> str:
    return f"cli-{uuid.uuid4().hex[:8]}"


def test_s3_up_and_down(cli: Cli, name: str, tmp_path: Path) -> None:
    tree, big = tmp_path / "tree", tmp_path / "big"
    (tree / "deep").mkdir(parents=True)
    (tree / "a.txt").write_text("hi")
    (tree / "deep" / "ü b.txt").write_text("ho")
    big.write_bytes(os.urandom(9_500_000))
    cli("s3", "mb", f"s3://{name}")
    cli("s3", "cp", "--no-progress", str(big), f"s3://{name}/big")
    assert cli("s3api", "head-object", "--bucket", name, "--key", "big")["ETag"].endswith('-2"')
    cli("s3", "cp", "--no-progress", f"s3://{name}/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    assert "ü b.txt" in cli("s3", "sync", "--no-progress", str(tree), f"s3://{name}/tree")
    assert cli("s3", "sync", "--no-progress", str(tree), f"s3://{name}/tree") == ""
    assert cli("s3", "cp", f"s3://{name}/tree/deep/ü b.txt", "-") == "ho"
    cli("s3", "cp", "-", f"s3://{name}/stdin", stdin=b"from stdin")
    listed = cli("s3", "ls", "--recursive", f"s3://{name}/").splitlines()
    assert [line.split(maxsplit=2)[2].strip() for line in listed] == [
        "9500000 big", "10 stdin", "2 tree/a.txt", "2 tree/deep/ü b.txt",
    ]  # fmt: skip
    code, said = cli.refused("s3", "rb", f"s3://{name}")
    assert code == 1
    assert "BucketNotEmpty" in said
    cli("s3", "rb", "--force", f"s3://{name}")
    code, said = cli.refused("s3api", "head-bucket", "--bucket", name)
    assert code == 255
    assert "(404)" in said


def test_a_presigned_url(cli: Cli, bucket: str) -> None:
    cli("s3", "cp", "-", f"s3://{bucket}/shared", stdin=b"hi")
    # Version 1 of the CLI signs as new buckets refuse it, unless told otherwise.
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(cli("s3", "presign", f"s3://{bucket}/shared"), timeout=10)
    cli("configure", "set", "default.s3.signature_version", "s3v4")
    url = cli("s3", "presign", f"s3://{bucket}/shared")
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"hi"


def test_the_command_itself(environment: dict[str, str]) -> None:
    """The others run in forks of one process; this one as a shell starts it."""
    done = subprocess.run(
        [sys.executable, "-m", "awscli", "sts", "get-caller-identity", "--output", "text"],
        env=os.environ | environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [
        "111111111111", "arn:aws:iam::111111111111:user/administrator", "AIDA111111111111",
    ]  # fmt: skip


def test_who_i_am_and_a_role(cli: Cli, name: str) -> None:
    assert cli("sts", "get-caller-identity")["Account"] == "111111111111"
    made = cli(
        "iam", "create-role", "--role-name", name, "--assume-role-policy-document", TRUST
    )  # fmt: skip
    cli("iam", "wait", "role-exists", "--role-name", name)
    policy = made["Role"]["AssumeRolePolicyDocument"]
    assert policy["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_secrets_keys_and_parameters(cli: Cli, name: str, tmp_path: Path) -> None:
    key = cli("kms", "create-key", "--query", "KeyMetadata.KeyId", "--output", "text")
    (tmp_path / "plain").write_bytes(b"\x00secret")
    sealed = cli(
        "kms", "encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path}/plain",
        "--query", "CiphertextBlob", "--output", "text",
    )  # fmt: skip
    (tmp_path / "sealed").write_bytes(base64.b64decode(sealed))
    opened = cli("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed")
    assert base64.b64decode(opened["Plaintext"]) == b"\x00secret"
    cli("ssm", "put-parameter", "--name", f"/{name}/p", "--value", "v", "--type", "SecureString")
    read = cli("ssm", "get-parameter", "--name", f"/{name}/p", "--with-decryption")
    assert read["Parameter"]["Value"] == "v"


def test_athena_and_glue(cli: Cli, name: str, bucket: str) -> None:
    cli("glue", "create-database", "--database-input", json.dumps({"Name": name}))
    assert cli("glue", "get-database", "--name", name)["Database"]["Name"] == name
    query = cli(
        "athena", "start-query-execution", "--query-string", "SELECT ? AS a, x FROM UNNEST("
        "ARRAY['b', NULL]) AS t(x)", "--execution-parameters", "'it''s'",
        "--query-execution-context", f"Database={name}",
        "--result-configuration", f"OutputLocation=s3://{bucket}/cli/", "--output", "text",
    )  # fmt: skip
    deadline = time.monotonic() + 30
    state = ""
    while state not in {"SUCCEEDED", "FAILED"}:
        assert time.monotonic() < deadline
        state = cli(
            "athena", "get-query-execution", "--query-execution-id", query, "--output", "text",
            "--query", "QueryExecution.Status.State",
        )  # fmt: skip
    rows = cli(
        "athena", "get-query-results", "--query-execution-id", query, "--output", "json",
        "--query", "ResultSet.Rows[].Data[].VarCharValue",
    )  # fmt: skip
    assert rows == ["a", "x", "it's", "b", "it's"]


def test_sagemaker(cli: Cli, name: str) -> None:
    cli("sagemaker", "create-model-package-group", "--model-package-group-name", name)
    shown = cli("sagemaker", "describe-model-package-group", "--model-package-group-name", name)
    assert shown["ModelPackageGroupStatus"] == "Completed"
    listed = cli("sagemaker", "list-model-package-groups", "--name-contains", name)
    assert len(listed["ModelPackageGroupSummaryList"]) == 1
    code, said = cli.refused("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", name)
    assert code == 255
    assert "Waiter EndpointInService failed" in said


def test_a_record_goes_in_and_out(cli: Cli, name: str, aws: EmbeddedAws) -> None:
    definitions = [
        {"FeatureName": "id", "FeatureType": "String"},
        {"FeatureName": "at", "FeatureType": "Fractional"},
    ]
    cli(
        "sagemaker", "create-feature-group", "--feature-group-name", name,
        "--record-identifier-feature-name", "id", "--event-time-feature-name", "at",
        "--feature-definitions", json.dumps(definitions),
        "--online-store-config", json.dumps({"EnableOnlineStore": True}),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    describe = aws.client("sagemaker").describe_feature_group
    while describe(FeatureGroupName=name)["FeatureGroupStatus"] != "Created":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    record = [
        {"FeatureName": "id", "ValueAsString": "7"},
        {"FeatureName": "at", "ValueAsString": "1.5"},
    ]
    where = ("--feature-group-name", name)
    cli("sagemaker-featurestore-runtime", "put-record", *where, "--record", json.dumps(record))
    read = cli(
        "sagemaker-featurestore-runtime", "get-record", *where,
        "--record-identifier-value-as-string", "7",
    )  # fmt: skip
    assert read["Record"] == record


def test_delivery_and_messages(cli: Cli, name: str, environment: dict[str, str]) -> None:
    assert "pipelines" in cli("codepipeline", "list-pipelines")
    found = cli("codebuild", "batch-get-builds", "--ids", f"{name}:1")
    assert found["buildsNotFound"] == [f"{name}:1"]
    topic = cli("sns", "create-topic", "--name", name)["TopicArn"]
    # Version 1 of the CLI takes queue.amazonaws.com for SQS, whatever AWS_ENDPOINT_URL says.
    sqs = ("--endpoint-url", environment["AWS_ENDPOINT_URL"], "sqs")
    queue = cli(*sqs, "create-queue", "--queue-name", name)["QueueUrl"]
    cli(
        "sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint",
        f"arn:aws:sqs:us-east-1:111111111111:{name}", "--attributes", "RawMessageDelivery=true",
    )  # fmt: skip
    cli("sns", "publish", "--topic-arn", topic, "--message", "hello")
    got = cli(*sqs, "receive-message", "--queue-url", queue, "--wait-time-seconds", "2")
    assert [message["Body"] for message in got["Messages"]] == ["hello"]
    entry = {"Source": "cli", "DetailType": "d", "Detail": "{}"}
    put = cli("events", "put-events", "--entries", json.dumps([entry]))
    assert put["FailedEntryCount"] == 0


def test_metrics(cli: Cli, name: str) -> None:
    data = [{"MetricName": "m", "Value": 3, "Dimensions": [{"Name": "a", "Value": "b"}]}]
    cli("cloudwatch", "put-metric-data", "--namespace", name, "--metric-data", json.dumps(data))
    listed = cli("cloudwatch", "list-metrics", "--namespace", name)["Metrics"]
    assert [item["MetricName"] for item in listed] == ["m"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ["sagemaker", "create-notebook-instance", "--notebook-instance-name", "a",
             "--instance-type", "ml.t3.medium", "--role-arn", "arn:aws:iam::111111111111:role/x1"],
            "An error occurred (NotImplementedException) when calling the CreateNotebookInstance",
        ),
        (
            ["sagemaker", "describe-endpoint", "--endpoint-name", "none"],
            "An error occurred (ValidationException) when calling the DescribeEndpoint operation",
        ),
        (
            ["glue", "start-job-run", "--job-name", "none"],
            "An error occurred (NotImplementedException) when calling the StartJobRun operation",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_at_once(cli: Cli, command: list[str], said: str) -> None:
    code, error = cli.refused(*command)
    assert code == 255
    assert error.startswith(said)
