"""What the governor could not tell, as a CloudWatch metric that a person may be woken by.

`CannotTell` in `Perennial/Governor`, by `UseCase`: how many measures, once a minute while there are
any, and one zero when there are none any more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from resources.errors import PerennialError
from resources.metrics import Measurement
from resources.names import GOVERNOR_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.platform import Platform
    from sensors.governor_memory import GovernorMemory
    from sensors.verdicts import Judged


def alert(platform: Platform, judged: Mapping[str, Judged], memory: GovernorMemory) -> str | None:
    """Tell CloudWatch what could not be told, and remember that; say what kept it from being."""
    counts = {name: len(each.verdict.alerts) for name, each in judged.items()}
    unseen = [name for name in memory.alerted if name not in counts]
    doubtful = sorted([*unseen, *(name for name, count in counts.items() if count)])
    now = datetime.now(UTC)
    minute = int(now.timestamp() // 60)
    if doubtful == memory.alerted and (not doubtful or minute == memory.measured):
        return None
    # One that recovered gets its zero; one that was never in doubt costs nothing.
    values = {name: n for name, n in counts.items() if n or name in memory.alerted}
    made = [
        Measurement("CannotTell", float(n), "Count", now, {"UseCase": name})
        for name, n in values.items()
    ]
    try:
        platform.metrics.put(GOVERNOR_NAMESPACE, made)
    except PerennialError as error:
        return f"what cannot be told could not be measured: {error}"
    memory.alerted, memory.measured = doubtful, minute
    return None
