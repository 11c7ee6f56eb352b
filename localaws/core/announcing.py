"""What a change of state tells the world: events of AWS's own services, for EventBridge.

A notice derives them from a document before and after a change, and they are posted in the very
transaction of that change: no kill parts an event from its cause, and providers need no word of
it. What each service says stands in its ``notices`` module; who gets it is EventBridge's business.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.core.courier import post

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localaws.core.provider import Document
    from localaws.core.store import Store

_log = logging.getLogger(__name__)

#: Kind of the documents that wait to be matched against rules: {"bus": ARN, "event": envelope}.
EVENTS = "events/event"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one document.

    Attributes:
        key: The document's, beginning with ``account/region/``.
        before: None if it is new.
        after: None if it was deleted.
        store: To look up what belongs to it, within the same transaction.
    """

    key: str
    before: Document | None
    after: Document | None
    store: Store

    @property
    def account_id(self) -> str:
        """The owner's account."""
        return self.key.split("/", 2)[0]

    @property
    def region(self) -> str:
        """The region."""
        return self.key.split("/", 2)[1]

    def turned(self, member: str) -> bool:
        """Whether the document is there and a member of it is new or has another value."""
        if self.after is None:
            return False
        return self.before is None or self.before.get(member) != self.after.get(member)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What an event says besides when and where."""

    source: str
    detail_type: str
    resources: tuple[str, ...]
    detail: dict[str, Any] = field(default_factory=dict)


Notice = Callable[[Change], Iterable[Announcement]]


def attach(store: Store, notices: Mapping[str, Notice]) -> None:
    """Watch kinds of documents and post what their changes announce."""
    for kind, notice in notices.items():
        store.watch(kind, _watcher(store, notice))


def envelope(
    announcement: Announcement, account_id: str, region: str, *, now: datetime | None = None
) -> Document:
    """Return the event as EventBridge carries it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
    """
    moment = now or datetime.now(UTC)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": announcement.detail_type,
        "source": announcement.source,
        "account": account_id,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(announcement.resources),
        "detail": announcement.detail,
    }


def bus_arn(account_id: str, region: str, name: str = "default") -> str:
    """Return the ARN of an event bus."""
    return f"arn:aws:events:{region}:{account_id}:event-bus/{name}"


def _watcher(store: Store, notice: Notice) -> Callable[..., None]:
    def watch(key: str, before: Document | None, after: Document | None) -> None:
        change = Change(key, before, after, store)
        try:
            events = [envelope(a, change.account_id, change.region) for a in notice(change)]
        except Exception:  # noqa: BLE001 - see the comment
            # A job must not fail because its event could not be worded.
            _log.exception("The change of %s could not be announced", key)
            return
        bus = bus_arn(change.account_id, change.region)
        for event in events:
            post(store, EVENTS, {"bus": bus, "event": event})

    return watch
