"""Requests made up from botocore's models: right, nearly right and wrong, the same for a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from urllib3.response import HTTPResponse

if TYPE_CHECKING:
    import random

_TEXTS = [
    "", "a", "fuzz-name", "x" * 300, "ü\u2603\U0001f600", "../../etc/passwd", "a\x00b", "a\r\nb: c",
    "%00%ff", "{}", "[", '{"a":', "<a>", "s3://fuzz/x", "arn:aws:iam::111111111111:role/r", "-1",
    "arn:aws:s3:::fuzz", "' OR 1=1 --", "${a}", "https://169.254.169.254/", "SELECT 1", "[" * 5000,
    "1e999", "NaN", "\ud7ff\ue000", "*", "arn:::::", "s3://", "2020-13-45T99:99:99Z",
]  # fmt: skip
_NUMBERS = [0, 1, -1, 5, 100, 2**31, 2**63, -(2**63), 10**30, 1.5, 1e308]
_WRONG: list[Any] = [None, True, 0, -1.5, "text", [], {}, [[]], {"a": {"b": [1]}}, "x" * 5000]


class Maker:
    """Makes requests of a service's operations, as bytes' parts, without sending them."""

    def __init__(self, service: str, rng: random.Random) -> None:
        self._rng = rng
        self._sent: Any = None
        self.client = boto3.session.Session().client(
            service,
            region_name="us-east-1",
            aws_access_key_id="LOCALAWS111111111111",
            aws_secret_access_key="unchecked",
            endpoint_url="http://127.0.0.1:1",
            config=Config(
                s3={"addressing_style": "path"},
                parameter_validation=False,
                retries={"total_max_attempts": 1},
            ),
        )
        self.client.meta.events.register("before-send", self._keep)

    def make(self, operation: str) -> tuple[str, str, dict[str, str], bytes] | None:
        """Method, target, headers and body; None if botocore cannot write what was made up."""
        model = self.client.meta.service_model.operation_model(operation)
        given = self._structure(model.input_shape, 0) if model.input_shape else {}
        method = {v: k for k, v in self.client.meta.method_to_api_mapping.items()}[operation]
        self._sent = None
        try:
            getattr(self.client, method)(**given)
        except (BotoCoreError, TypeError, ValueError, AttributeError, KeyError, OverflowError):
            if self._sent is None:
                return None
        except Exception:  # noqa: BLE001, S110 - what botocore makes of the empty answer is its own
            pass
        return self._parts(self._sent) if self._sent is not None else None

    def _keep(self, request: Any, **_: Any) -> AWSResponse:
        self._sent = request
        raw = HTTPResponse(body=b"", status=404, preload_content=False)
        return AWSResponse(request.url, 404, {}, raw)

    @staticmethod
    def _parts(sent: Any) -> tuple[str, str, dict[str, str], bytes]:
        url = urlsplit(sent.url)
        body = sent.body or b""
        if hasattr(body, "read"):
            body = body.read()
        body = body.encode() if isinstance(body, str) else bytes(body)
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in sent.headers.items()
        }
        for name in ("Content-Length", "Expect", "Transfer-Encoding", "Host"):
            headers.pop(name, None)
        target = url.path + (f"?{url.query}" if url.query else "")
        return sent.method, target or "/", headers, body

    def _structure(self, shape: Any, depth: int) -> dict[str, Any]:
        made = {}
        for name, member in shape.members.items():
            needed = name in shape.required_members
            if self._rng.random() < (0.95 if needed else 0.3 / (depth + 1)):
                made[name] = self._value(member, depth + 1)
        return made

    def _value(self, shape: Any, depth: int) -> Any:
        rng, kind = self._rng, shape.type_name
        if rng.random() < 0.03 and shape.serialization.get("location") is None:
            return rng.choice(_WRONG)
        if kind == "structure":
            return self._structure(shape, depth) if depth < 6 else {}
        if kind == "list":
            return [self._value(shape.member, depth + 1) for _ in range(rng.choice((0, 1, 1, 2)))]
        if kind == "map":
            return {rng.choice(_TEXTS[:8]): self._value(shape.value, depth + 1)}
        return self._scalar(shape, kind)

    def _scalar(self, shape: Any, kind: str) -> Any:
        rng = self._rng
        if kind == "string":
            usual = shape.enum or ["fuzz-name", "arn:aws:iam::111111111111:role/r", "1"]
            return rng.choice(usual if rng.random() < 0.7 else _TEXTS)
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "blob":
            return rng.choice((b"", b"x", b"\x00\xff" * 10, b"{}"))
        if kind == "timestamp":
            return rng.choice((0, 1_700_000_000, "2020-01-01T00:00:00Z"))
        return rng.choice(_NUMBERS if kind in {"float", "double"} else _NUMBERS[:-2])


def mutated(rng: random.Random, body: bytes) -> bytes:
    """A body with a mistake: cut, spliced, with strange bytes or values in it."""
    if not body:
        return rng.choice((b"", b"{", b"\xff\xfe", b"<", b"\x00", b"null", b"[]", b"1", b"{}"))
    at = rng.randrange(len(body))
    strange = rng.choice((
        b"\x00", b"\xff", b"\xed\xa0\x80", b"NaN", b"1e999", b"{", b"]", b'"', b"<", b"&x;", b"%zz",
        b"\\ud800", b"9" * 400, b"-", b"null", b"<!DOCTYPE a>", b"&amp", b"=", b"\r\n\r\n",
    ))  # fmt: skip
    return rng.choice((
        body[:at],
        body[:at] + strange + body[at:],
        body[:at] + strange + body[at + len(strange) :],
        body[at:] + body[:at],
        body + body,
        strange + body,
    ))  # fmt: skip
