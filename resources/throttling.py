"""Waiting out a throttled AWS: the very call again, ever more seldom, until patience ends.

botocore's own five attempts are over within seconds; a busy account throttles for minutes. Only
throttling is waited out: what else fails may be ours to mend. Silence is outages', how often a
query's end is looked for polling's.
"""

from __future__ import annotations

import logging
import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from resources.errors import Transient, call, is_throttled
from resources.polling import intervals

if TYPE_CHECKING:
    from collections.abc import Callable

    from resources.polling import Clock, Sleep

_log = logging.getLogger(__name__)

#: How long one call may be refused for being one too many, from its first refusal on.
PATIENCE = timedelta(minutes=10)
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 15.0
# Jitter for back-off needs no secrecy, only that concurrent callers differ.
_JITTER = random.Random()  # noqa: S311


def patiently(
    operation: Callable[..., Any],
    /,
    *,
    patience: timedelta = PATIENCE,
    sleep: Sleep = time.sleep,
    clock: Clock = time.monotonic,
    **request: Any,
) -> Any:
    """As ``errors.call``, and again while AWS throttles; each wait is logged.

    A wait is uniform between half of its limit and the limit, which grows by half from 2 s up to
    15 s. It is the same request with the same client token, so what took effect is found again.

    Raises:
        Transient: Still throttled when patience ended; or anything else that may pass.
        Terminal: As ``errors.call``.
    """
    since: float | None = None
    for limit in intervals(_FIRST_PAUSE, _LONGEST_PAUSE):
        try:
            answer = call(operation, **request)
        except Transient as error:
            since = clock() if since is None else since
            pause = _JITTER.uniform(limit / 2, limit)
            if not is_throttled(error) or clock() + pause - since > patience.total_seconds():
                raise
            _log.warning(
                "%s %s is throttled (%s), for %.0f s now: asking again in %.0f s",
                error.service, error.operation, error.code, clock() - since, pause,
            )  # fmt: skip
            sleep(pause)
        else:
            if since is not None:
                _log.warning("throttling is over after %.0f s", clock() - since)
            return answer
    raise AssertionError("unreachable: intervals() never ends")
