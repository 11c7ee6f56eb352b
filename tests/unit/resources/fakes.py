"""Stand-ins for boto3 clients: plain objects that answer from a script and remember their calls."""

from __future__ import annotations

from botocore.exceptions import ClientError


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def refusal(code: str, message: str = "", operation: str = "Op", status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r"},
        },
        operation,
    )
