"""Bad input over the raw socket: final errors in AWS's shape, state unchanged, server alive."""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from botocore import xform_name

from localaws.core import allowed
from localaws.core.routing import service_model
from tests.functional.localaws.core_world import trusting
from tests.functional.localaws.fuzz_world import Maker, mutated
from tests.functional.localaws.raw_world import (
    authorization,
    check,
    exchange,
    json_request,
    read_answer,
    request,
)
from tests.functional.localaws.sagemaker_world import unique

DEEP = 100_000
XML_DEEP = b"<a>" * DEEP + b"</a>" * DEEP
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<Tagging><TagSet><Tag><Key>&b;</Key><Value>v</Value></Tag></TagSet></Tagging>"""


@pytest.fixture(scope="module")
def state(aws):
    """Something of each protocol's services that bad requests must leave as it is."""
    name = unique("bad")
    s3, ssm, sagemaker = (aws.client(each) for each in ("s3", "ssm", "sagemaker"))
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"kept", Metadata={"a": "b"})
    ssm.put_parameter(Name=f"/{name}", Value="kept", Type="String")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    trust = trusting("111111111111", None)
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)

    def look():
        found = [
            s3.get_object(Bucket=name, Key="k"),
            s3.get_bucket_location(Bucket=name),
            ssm.get_parameter(Name=f"/{name}"),
            sagemaker.describe_model_package_group(ModelPackageGroupName=name),
            aws.client("iam").get_role(RoleName=name),
        ]
        found[0]["Body"] = found[0]["Body"].read()
        return [{k: v for k, v in each.items() if k != "ResponseMetadata"} for each in found]

    before = look()
    yield name
    assert look() == before


def ssm_get(body, **headers):
    return json_request("ssm", "AmazonSSM.GetParameter", body, **headers)


@pytest.mark.parametrize(
    "body",
    [
        b'{"Name": "/a"',
        b"{'Name': 1}",
        b"[]",
        b'"text"',
        b'{"Name": ["a"]}',
        b'{"Name": NaN}',
        b'{"Name": 1e999}',
        b'{"Name": ' + b"9" * 5000 + b"}",
        b'{"Name": "\xff\xfe"}',
        b'{"Name": "\xed\xa0\x80"}',
        b'{"Name": "\\ud800"}',
        '{"Name": "/a"}'.encode("utf-16"),
        b'{"Name": "a\x00b"}',
        b'{"Name": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"Name": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
        b"\x1f\x8b\x08garbage",
        b"<xml/>",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_malformed_json(aws, state, body):
    answer = exchange(aws.endpoint_url, ssm_get(body))
    assert answer.status == 400
    assert answer.code in {"SerializationException", "ValidationException"}
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[" * DEEP, b'{"SortBy": 1}', b"\xff"])
def test_malformed_rest_json(aws, state, body):
    target = f"/FeatureGroup/{state}"
    answer = exchange(aws.endpoint_url, request("PUT", target, body, {}, "sagemaker"))
    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
    assert answer.code in {"SerializationException", "ValidationError"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Tagging>",
        b"no xml",
        b"\x00\xff",
        XML_DEEP,
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?><Tagging/>',
        b"<Tagging><TagSet><Tag/></TagSet></Tagging>",
        b"<Tagging><TagSet>",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_malformed_xml(aws, state, body):
    sent = request("PUT", f"/{state}?tagging", body, {"Content-Type": "application/xml"}, "s3")
    answer = exchange(aws.endpoint_url, sent)
    assert (answer.status, answer.code) in {(400, "MalformedXML"), (400, "InvalidArgument")}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"Action=AssumeRole&Version=2011-06-15", 400),
        (b"Action=AssumeRole&RoleArn=x&RoleSessionName=%ff%fe", 400),
        (b"Action=AssumeRole&RoleArn=x&RoleSessionName=ab&DurationSeconds=" + b"9" * 5000, 400),
        (b"Action=AssumeRole&RoleArn=x&RoleSessionName=ab&DurationSeconds=NaN", 400),
        (b"Action=AssumeRole&Tags" + b".member.1" * 5000 + b"=x", 400),
        (b"Action=AssumeRole&Tags." + b"." * 1_000_000 + b"=x", 400),
        (b"Action=AssumeRole&RoleArn.x=1&RoleSessionName=ab", 400),
        (b"Action=Nonsense", 501),
        (b"Action=AssumeRole&RoleArn=%00%01&RoleSessionName=a%00", 400),
        (b"\xff\xfe=&&&==", 501),
    ],
    ids=lambda value: repr(value[:50]) if isinstance(value, bytes) else None,
)
def test_malformed_forms(aws, state, body, status):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = exchange(aws.endpoint_url, request("POST", "/", body, form, "sts"))
    assert (answer.status, bool(answer.code)) == (status, True)
    assert answer.headers["content-type"] == "text/xml"


def test_a_form_of_very_many_members_is_read_in_linear_time(aws):
    tags = "&".join(f"Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v" for n in range(1, 20_001))
    body = f"Action=AssumeRole&RoleArn=x&RoleSessionName=ab&{tags}".encode()
    began = time.monotonic()
    assert exchange(aws.endpoint_url, request("POST", "/", body, {}, "sts")).status == 400
    assert time.monotonic() - began < 5


ODD_HTTP = {
    "method": (request("BREW", "/", service="s3"), 501, "NotImplementedException"),
    "trace": (request("TRACE", "/b/k", service="s3"), 501, "NotImplementedException"),
    "connect": (request("CONNECT", "a:1", service="s3"), 405, "MalformedHttpRequestException"),
    "lower case": (request("get", "/", service="s3"), 400, "MalformedHttpRequestException"),
    "no target": (b"GET\r\n\r\n", 400, "MalformedHttpRequestException"),
    "version": (b"GET / HTTP/3.0\r\nHost: 127.0.0.1\r\n\r\n", 400, "MalformedHttpRequestException"),
    "no http": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "MalformedHttpRequestException"),
    "brackets": (request("GET", "//[x", service="s3"), 400, "MalformedHttpRequestException"),
    "absolute": (request("GET", "http://a/"), 400, "MalformedHttpRequestException"),
    "long path": (request("GET", "/" + "a" * 100_000), 414, "RequestEntityTooLargeException"),
    "long query": (request("GET", "/?a=" + "b" * 100_000), 414, "RequestEntityTooLargeException"),
    "long header": (
        request("GET", "/", headers={"X-A": "b" * 100_000}, service="s3"),
        414,
        "RequestEntityTooLargeException",
    ),
    "many headers": (
        request("GET", "/", headers={f"X-A{n}": "b" for n in range(300)}),
        414,
        "RequestEntityTooLargeException",
    ),
    "folded header": (
        request("GET", "/", headers={"X-A": "b\r\n folded"}, service="s3"),
        400,
        "InvalidRequest",
    ),
    "leading fold": (
        b"GET / HTTP/1.1\r\n X: y\r\nHost: 127.0.0.1\r\n\r\n",
        400,
        "MalformedHttpRequestException",
    ),
    "NUL in header": (
        request("GET", "/", headers={"X-A": "a\x00b"}),
        400,
        "MalformedHttpRequestException",
    ),
    "no colon": (
        b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
        400,
        "MalformedHttpRequestException",
    ),
    "two lengths": (
        request("PUT", "/b/k", b"abc", [("Content-Length", "1")], "s3"),
        400,
        "InvalidRequest",
    ),
    "smuggled length": (
        request("PUT", "/b/k", b"abc", [("Content_Length", "1")], "s3"),
        400,
        "InvalidRequest",
    ),
    "two targets": (
        request("POST", "/", b"{}", [("X-Amz-Target", "a.b"), ("X-Amz-Target", "c.d")], "ssm"),
        400,
        "MalformedHttpRequestException",
    ),
    "two signatures": (
        request("GET", "/", headers=[("Authorization", authorization("s3"))], service="s3"),
        400,
        "InvalidRequest",
    ),
    "negative length": (
        request("PUT", "/b/k", headers={"Content-Length": "-5"}, service="s3", length=False),
        400,
        "InvalidRequest",
    ),
    "length and chunks": (
        request("PUT", "/b/k", b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}, "s3"),
        400,
        "InvalidRequest",
    ),
    "unknown coding": (
        request("PUT", "/b/k", b"", {"Transfer-Encoding": "br"}, "s3", length=False),
        501,
        "NotImplemented",
    ),
    "bad chunk": (
        request(
            "PUT", "/b/k", b"zz\r\nx\r\n", {"Transfer-Encoding": "chunked"}, "s3", length=False
        ),
        400,
        "InvalidRequest",
    ),
    "huge chunk": (
        request(
            "PUT",
            "/b/k",
            b"ffffffffffff\r\nx",
            {"Transfer-Encoding": "chunked"},
            "s3",
            length=False,
        ),
        400,
        "EntityTooLarge",
    ),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 403, "AccessDenied"),
    "unsigned": (request("GET", "/"), 403, "MissingAuthenticationToken"),
    "bad signature": (
        request("GET", "/", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=a/b"}),
        403,
        "MissingAuthenticationToken",
    ),
    "basic": (
        request("GET", "/", headers={"Authorization": "Basic YTpi"}),
        403,
        "MissingAuthenticationToken",
    ),
    "unknown service": (request("GET", "/", service="nonsense"), 501, "NotImplementedException"),
    "unknown target": (
        json_request("ssm", "AmazonSSM.Nope", b"{}"),
        501,
        "NotImplementedException",
    ),
    "odd target": (json_request("ssm", "..%00.", b"{}"), 501, "NotImplementedException"),
    "percent garbage": (request("GET", "/%zz%/%ff%00", service="s3"), None, None),
    "odd region": (
        request("GET", "/", headers={"Authorization": authorization("s3").replace("us-", "%%/")}),
        403,
        "MissingAuthenticationToken",
    ),
}


@pytest.mark.parametrize("name", ODD_HTTP)
def test_odd_http(aws, state, name):
    sent, status, code = ODD_HTTP[name]
    answer = exchange(aws.endpoint_url, sent)
    check(answer, sent)
    if status is not None:
        assert (answer.status, answer.code) == (status, code)


def test_what_is_wrong_is_told(aws):
    said = exchange(aws.endpoint_url, ssm_get(b'{"Name": ')).body.decode()
    assert "Expecting value: line 1 column 10" in said
    said = exchange(aws.endpoint_url, ssm_get(b'{"Name": 5}')).body.decode()
    assert "Invalid type for parameter Name" in said
    sent = request("PUT", "/b/k", headers={"Content-Length": "many"}, service="s3", length=False)
    assert "Content-Length is no number" in exchange(aws.endpoint_url, sent).body.decode()


@pytest.mark.parametrize(
    ("service", "length", "status", "code"),
    [
        ("s3", 6 * 1024**3, 400, "EntityTooLarge"),
        ("ssm", 17 * 1024**2, 413, "RequestEntityTooLargeException"),
        ("sts", 10**40, 413, "RequestEntityTooLargeException"),
    ],
)
def test_an_oversized_body_is_refused_before_it_is_sent(aws, service, length, status, code):
    began = time.monotonic()
    headers = {"Content-Length": str(length), "Expect": "100-continue"}
    answer = exchange(aws.endpoint_url, request("PUT", "/b/k", b"", headers, service, length=False))
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - began < 2


def test_who_sends_an_oversized_body_all_the_same_still_reads_why(aws):
    body = b'{"Name": "' + b"x" * (20 * 1024**2) + b'"}'
    assert exchange(aws.endpoint_url, ssm_get(body)).status == 413
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    headers = {"Transfer-Encoding": "chunked", "X-Amz-Target": "AmazonSSM.GetParameter"}
    sent = request("POST", "/", chunk * 20 + b"0\r\n\r\n", headers, "ssm", length=False)
    assert exchange(aws.endpoint_url, sent).status == 413


def test_a_body_that_breaks_off_is_not_stored(aws, state):
    for sent in (
        request("PUT", f"/{state}/k", b"half", {"Content-Length": "8"}, "s3", length=False),
        request(
            "PUT", f"/{state}/k", b"4\r\nha", {"Transfer-Encoding": "chunked"}, "s3", length=False
        ),
    ):
        answer = exchange(aws.endpoint_url, sent, half_close=True)
        assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert aws.client("s3").get_object(Bucket=state, Key="k")["Body"].read() == b"kept"


def test_response_headers_cannot_be_split(aws, state):
    target = f"/{state}/k?response-content-type=a%0d%0aX-Evil:%20yes&response-expires=%e2%82%ac"
    answer = exchange(aws.endpoint_url, request("GET", target, service="s3"))
    check(answer)
    assert "x-evil" not in answer.headers


def test_silent_and_slow_connections_hold_up_nobody(aws):
    parts = urlsplit(aws.endpoint_url)
    with contextlib.ExitStack() as stack:

        def connect(sent: bytes) -> socket.socket:
            made = socket.create_connection((parts.hostname, parts.port), timeout=30)
            stack.enter_context(made)
            made.sendall(sent)
            return made

        for _ in range(100):
            connect(b"")
        trickling = [connect(b"GET / HTTP/1.1\r\nX-Slow: ") for _ in range(20)]
        half = connect(request("PUT", "/b/k", b"x", {"Content-Length": "9"}, "s3", length=False))
        began = time.monotonic()
        aws.client("sts").get_caller_identity()
        assert time.monotonic() - began < 2
        stop = threading.Event()

        def trickle() -> None:
            # A byte every half second would keep any timeout between two bytes from running out.
            while not stop.wait(0.5):
                for each in trickling:
                    with contextlib.suppress(OSError):
                        each.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            answers = [read_answer(each) for each in trickling]
        finally:
            stop.set()
            thread.join()
        assert {each.status for each in answers} == {400}
        assert time.monotonic() - began < 20
        half.shutdown(socket.SHUT_WR)
        assert read_answer(half).status == 400


def test_a_compressed_body_is_read_as_boto3_sends_it(aws):
    # boto3 compresses PutMetricData above 10 KiB by itself.
    cloudwatch, name = aws.client("cloudwatch"), unique("Gzip")
    data = [{"MetricName": f"{name}-{n}" + "x" * 200, "Value": n} for n in range(100)]
    cloudwatch.put_metric_data(Namespace=name, MetricData=data)
    assert len(cloudwatch.list_metrics(Namespace=name)["Metrics"]) == 100
    bomb = gzip.compress(b"x" * 50 * 1024**2)
    sent = ssm_get(bomb, **{"Content-Encoding": "gzip"})
    answer = exchange(aws.endpoint_url, sent)
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")
    answer = exchange(aws.endpoint_url, ssm_get(b"no gzip", **{"Content-Encoding": "gzip"}))
    assert (answer.status, answer.code) == (400, "MalformedHttpRequestException")


FUZZED = sorted({*allowed.SERVICES, "athena", "codebuild", "codepipeline", "sagemaker", "sts"})


@pytest.mark.parametrize("service", FUZZED)
def test_fuzzed_requests(aws, state, service):
    """Made up from the model, two of five then damaged: never a 5xx but 501, never a hang."""
    rng = random.Random(f"{service} 1")  # noqa: S311 - a seed, no secret
    maker = Maker(service, rng)
    provider = aws.server._gateway._providers.get(service)
    names = [
        name
        for name in service_model(service).operation_names
        if allowed.is_allowed(service, name) or (provider and provider.find(xform_name(name)))
    ]
    for name in names * 2:
        made = maker.make(name)
        if made is None:
            continue
        method, target, headers, body = made
        sent = request(method, target, mutated(rng, body) if rng.random() < 0.4 else body, headers)
        check(exchange(aws.endpoint_url, sent, timeout=20), (name, sent))
    assert exchange(aws.endpoint_url, request("GET", "/_localaws/health")).status == 200
