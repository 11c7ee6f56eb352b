"""The one way to call moto: a request in, a response out, one at a time, changes on record first.

Which operations moto may answer belongs to core.allowed; its state on disk to core.snapshot and
core.journal.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from localaws.core import effects, long_poll, pinned
from localaws.core.allowed import SERVICES
from localaws.core.http import call_application
from localaws.core.journal import KeyNotRecordedError
from localaws.core.remembered import Remembered

if TYPE_CHECKING:
    from localaws.core.http import Request, Response
    from localaws.core.journal import Journal
    from localaws.core.pinned import Pin

_ACCOUNT_HEADER = "x-moto-account-id"
#: moto's in-memory size of an object before it goes to a temporary file.
_BUFFER_BYTES = str(4 * 1024 * 1024)


class Moto:
    """moto's services.

    Attributes:
        lock: Held during each call and by whoever else looks into moto's state. moto is not safe
            to change from two threads, and a snapshot must see whole changes.
        journal: Where changes are put on record; None while the state is being loaded.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.journal: Journal | None = None
        self._effects = effects.Effects()
        self._remembered = Remembered()
        self._applications: dict[str, Any] = {}
        os.environ.pop("MOTO_ACCOUNT_ID", None)
        # No page of a browser has any business with this server.
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        os.environ.setdefault("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", _BUFFER_BYTES)

    def call(self, service: str, operation: str, request: Request, account_id: str) -> Response:
        """Perform a request in an account.

        Raises:
            NotImplementedError: moto has no such operation.
            OSError: The change cannot be put on record, and was not made.
        """
        with self.lock:
            journal = self.journal
            if journal is None or not self._effects.expected(
                service, operation, request, account_id
            ):
                return self._remembered.answer(
                    service,
                    operation,
                    request,
                    account_id,
                    lambda: self._perform(service, request, account_id),
                )
            return self._change(journal, service, operation, request, account_id)

    def _change(
        self, journal: Journal, service: str, operation: str, request: Request, account_id: str
    ) -> Response:
        pin = pinned.fresh(journal.key)
        before = effects.waiting_messages(service, operation, account_id)
        journal.begin(pin, service, operation, request, account_id)
        try:
            response = self.perform(pin, service, request, account_id)
        except KeyNotRecordedError:
            journal.undo()  # without its key nothing was made
            raise
        in_vain = before is not None and long_poll.is_empty(response)
        if in_vain and before == effects.waiting_messages(service, operation, account_id):
            journal.undo()
        else:
            journal.end(response)
        return response

    def perform(self, pin: Pin, service: str, request: Request, account_id: str) -> Response:
        """Perform a request with a clock and dice given, and put nothing on record."""
        with self.lock:
            self._remembered.changed(service)
            application = self._application(service)
            with pinned.pinned(pin):
                return call_application(application, request, {_ACCOUNT_HEADER: account_id})

    def loaded_services(self) -> list[str]:
        """Return the services that may have state."""
        return [name for name in SERVICES if f"moto.{name}.models" in sys.modules]

    def _perform(self, service: str, request: Request, account_id: str) -> Response:
        application = self._application(service)
        return call_application(application, request, {_ACCOUNT_HEADER: account_id})

    def _application(self, service: str) -> Any:
        if service not in self._applications:
            from moto.moto_server.werkzeug_app import create_backend_app

            pinned.install()
            self._applications[service] = create_backend_app(service)
            if service == "s3":
                _leave_policies_to_us()
        return self._applications[service]


def _leave_policies_to_us() -> None:
    # moto's own look at a bucket policy knows neither conditions nor principals: it would deny what
    # the policy allows. Every request was judged before it came here (core.authorization).
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
