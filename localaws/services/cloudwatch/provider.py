"""CloudWatch as the gateway sees it: metrics and alarms in one provider, started and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from localaws.core.courier import Courier
from localaws.core.provider import Provider
from localaws.services.cloudwatch.alarms import AlarmOperations
from localaws.services.cloudwatch.datums import Datums
from localaws.services.cloudwatch.evaluator import Evaluator
from localaws.services.cloudwatch.metrics import MetricOperations
from localaws.services.cloudwatch.notification import Notifier
from localaws.services.cloudwatch.states import NOTIFICATIONS, Alarms

if TYPE_CHECKING:
    from localaws.core.context import ServerContext


class CloudWatchProvider(MetricOperations, AlarmOperations, Provider):
    """Metrics, and alarms that are evaluated and act."""

    service: ClassVar[str] = "cloudwatch"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self.datums = Datums(context.store)
        self.alarms = Alarms(context)
        self.evaluator = Evaluator(context, self.alarms, self.datums)
        notifier = Notifier(context, self.alarms)
        self._courier = Courier(context.store, NOTIFICATIONS, notifier.carry)

    def start(self) -> None:
        """Evaluate every alarm, and send what a former server did not."""
        self._courier.start()
        self.evaluator.start()

    def stop(self) -> None:
        """Stop evaluating and sending; what is left stays in the store."""
        self.evaluator.stop()
        self._courier.stop()
