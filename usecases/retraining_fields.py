"""The fields of `retraining:`, and what they must agree on. The governor's rules are in decisions.

docs/usecases.md explains each field to the person who writes one.
"""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from decisions import blackout, cron, prices
from decisions.blackout import Blackout, Weekday
from decisions.model import Fact
from decisions.retraining import Budget, RetrainPolicy
from usecases.durations import Duration
from usecases.fields import Compute, Day, Instance

Finding = tuple[tuple[str | int, ...], str, str, str]
"""Where below `retraining`, what is wrong, what is expected, how to mend it."""


def parse_clock(value: Any) -> time:
    """Read "22:00".

    Raises:
        PydanticCustomError: If the text is no time of a day.
    """
    try:
        if isinstance(value, time):
            return value
        hours, minutes = value.split(":")
        return time(int(hours), int(minutes))
    except (AttributeError, TypeError, ValueError):
        raise PydanticCustomError(
            "clock", 'not a time of the day; expected for example "22:00", in quotes'
        ) from None


def parse_cron(value: str) -> str:
    """See that a text is a schedule.

    Raises:
        PydanticCustomError: If it is none, or never comes round.
    """
    try:
        cron.parse(value)
    except ValueError as error:
        told = f'no schedule ({error}); expected for example "0 6 * * 1": minute, hour, day of '
        raise PydanticCustomError("cron", told + "month, month, day of week") from None
    return value


Cron = Annotated[str, AfterValidator(parse_cron)]
Clock = Annotated[
    time, BeforeValidator(parse_clock), PlainSerializer(lambda at: f"{at:%H:%M}", when_used="json")
]
Usd = Annotated[float, Field(gt=0.0, le=1_000_000.0)]


class BudgetField(Fact):
    """What retraining may cost, in USD, and prices that the list does not know."""

    monthly_usd: Usd | None = None
    per_run_usd: Usd | None = None
    usd_per_hour: dict[Instance, Usd] = Field(default_factory=dict)


class BlackoutField(Fact):
    """A time in which nothing starts, UTC: hours of weekdays, or from a first to a last day."""

    days: tuple[Weekday, ...] = ()
    start: Clock | None = None
    end: Clock | None = None
    first: Day | None = None
    last: Day | None = None
    reason: str = Field(default="", max_length=200)

    @property
    def window(self) -> Blackout:
        """Give the governor's window; of dates where a first and a last day are there."""
        if self.first is not None and self.last is not None:
            return blackout.Dates(first=self.first, last=self.last, reason=self.reason)
        return blackout.Weekly(
            days=self.days or blackout.WEEKDAYS,
            start=self.start or time(0),
            end=self.end or time(0),
            reason=self.reason,
        )


class Retraining(Fact):
    """When the model is trained again. Data time unless said otherwise."""

    schedule: Cron | None = None
    max_age: Duration
    minimum_new_data: Duration
    cool_down: Duration
    back_off: Duration
    maximum_back_off: Duration
    settle: Duration = timedelta(0)
    on_change: bool = True
    first: Literal["on_request", "automatic"] = "on_request"
    budget: BudgetField = BudgetField()
    blackout: tuple[BlackoutField, ...] = ()

    @property
    def policy(self) -> RetrainPolicy:
        """Give the governor's parameters."""
        return RetrainPolicy(
            minimum_new_data=self.minimum_new_data,
            cool_down=self.cool_down,
            back_off=self.back_off,
            maximum_back_off=self.maximum_back_off,
            settle=self.settle,
            first_by_itself=self.first == "automatic",
            blackout=tuple(each.window for each in self.blackout),
            budget=Budget(monthly_usd=self.budget.monthly_usd, per_run_usd=self.budget.per_run_usd),
        )

    def ceiling_usd(self, compute: Compute) -> float | None:
        """Give what a run costs at most; None where an instance has no price."""
        return prices.ceiling_usd(
            compute.processing_instance,
            compute.training_instance,
            compute.max_runtime / timedelta(hours=1),
            self.budget.usd_per_hour,
        )


def findings(retraining: Retraining, compute: Compute) -> Iterator[Finding]:
    """Find what the fields do not agree on."""
    if retraining.back_off > retraining.maximum_back_off:
        found = f"{retraining.back_off} is longer than maximum_back_off"
        yield ("back_off",), found, "at most maximum_back_off", "shorten it or lengthen that"
    yield from _budget(retraining.budget, compute)
    for place, each in enumerate(retraining.blackout):
        yield from ((("blackout", place), *told) for told in _window(each))
    if blackout.always([each.window for each in retraining.blackout]):
        found = "it covers the whole week: nothing would ever be trained"
        yield ("blackout",), found, "at least a minute free", "shorten a window"


def _budget(budget: BudgetField, compute: Compute) -> Iterator[Finding]:
    monthly, each = budget.monthly_usd, budget.per_run_usd
    if monthly is not None and each is not None and each > monthly:
        found = f"{each} is more than monthly_usd"
        yield ("budget", "per_run_usd"), found, f"at most {monthly}", "lower it or raise that"
    if monthly is None and each is None:
        return
    for instance in sorted({compute.processing_instance, compute.training_instance}):
        if prices.usd_per_hour(instance, budget.usd_per_hour) is None:
            found = f"{instance} has no list price here, so no cost can be held to a budget"
            remedy = f"add usd_per_hour: {{{instance}: 1.23}} under budget"
            yield ("budget",), found, "a price for every instance of compute", remedy


def _window(window: BlackoutField) -> Iterator[tuple[str, str, str]]:
    weekly = bool(window.days) or window.start is not None or window.end is not None
    dated = window.first is not None or window.last is not None
    if weekly and dated:
        yield "weekdays and dates in one window", "one or the other", "make two windows of it"
    elif not weekly and not dated:
        expected = "days, start and end, or first and last"
        yield "no time is named", expected, "add for example days: [sat, sun]"
    elif dated and (window.first is None or window.last is None):
        yield "only one end is named", "first and last", "add the other; both days are included"
    elif window.first is not None and window.last is not None and window.first > window.last:
        yield f"{window.first} comes after {window.last}", "first before last", "swap them"
    elif (window.start is None) != (window.end is None):
        yield "only one end is named", "start and end", 'add the other, for example end: "18:00"'
