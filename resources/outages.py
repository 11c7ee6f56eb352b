"""Waiting out a short silence of AWS: the very request again, until somebody answers.

botocore's own retries of a dropped connection are over within a second (its waits start at 50 ms),
and a few dozen of them use up a client's quota; a failover or a restart takes longer than that.
What AWS answers, errors included, is botocore's and the callers' affair.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
)

if TYPE_CHECKING:
    from resources.polling import Clock

#: How long a call waits for somebody to answer, from its first dropped connection on.
PATIENCE_SECONDS = 15.0
_SILENCE = (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
)
_SINCE = "perennial_silent_since"
_PAUSE = (0.1, 0.5)


def wait_out(client: Any, seconds: float | None = None, *, clock: Clock = time.monotonic) -> Any:
    """Make a boto3 client repeat a request that nobody answered, and return the client.

    It is the same request with the same client token: what took effect although its answer was
    lost is found again, as with botocore's own retries.
    """
    patience = PATIENCE_SECONDS if seconds is None else seconds

    def pause(
        caught_exception: Exception | None = None,
        request_dict: dict[str, Any] | None = None,
        **_: Any,
    ) -> float | None:
        if request_dict is None or not isinstance(caught_exception, _SILENCE):
            return None
        since = request_dict["context"].setdefault(_SINCE, clock())
        # Jitter alone: the many callers of one outage must not come back at once.
        return random.uniform(*_PAUSE) if clock() - since < patience else None  # noqa: S311

    client.meta.events.register_first("needs-retry", pause)
    return client
