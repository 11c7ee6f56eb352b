"""Carries captured events to S3: every few seconds, at stop, and what an earlier end left.

An event leaves the store after its object is there. A kill in between writes it a second time,
under another name and with the same eventId: at least once, as on AWS. An object that may not be
written is tried again, and its events wait in the store.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.services.sagemaker import roles
from localaws.services.sagemaker.hosting.capture import events
from localaws.services.sagemaker.objects import Location

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 2.0
_AT_ONCE = 5000
_LINES_A_FILE = 1000

Place = tuple[Any, ...]


class CaptureWriter:
    """One thread that empties the store's captured events into S3."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._stopped = threading.Event()
        self._writing = threading.Lock()
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="data-capture", daemon=True)

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is there, then end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()

    def flush(self) -> int:
        """Write the events that wait; return how many are in S3 now."""
        with self._writing:
            waiting = events(self._context).between("0", "9" * 20, limit=_AT_ONCE)
            places: dict[Place, list[tuple[str, Document]]] = defaultdict(list)
            for key, event in waiting:
                places[_place(event)].append((key, event))
            return sum(self._write(each) for each in places.values())

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - the thread must outlive whatever it was
                # The events are still in the store, and another turn comes.
                _log.exception("captured events could not be written")

    def _write(self, found: list[tuple[str, Document]]) -> int:
        written = 0
        for start in range(0, len(found), _LINES_A_FILE):
            part = found[start : start + _LINES_A_FILE]
            if not self._put([event for _, event in part]):
                break
            with self._context.store.transaction():
                for key, _ in part:
                    events(self._context).delete(key)
            written += len(part)
        return written

    def _put(self, part: list[Document]) -> bool:
        first = part[0]
        place = Location.of(f"{first['DestinationS3Uri'].rstrip('/')}/{_key(first)}")
        lines = [json.dumps(each["Line"], separators=(",", ":")) for each in part]
        kms = first["KmsKeyId"]
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms} if kms else {}
        try:
            s3 = roles.client(self._context, "s3", first["RoleArn"], first["Region"])
            s3.put_object(
                Bucket=place.bucket,
                Key=place.key,
                Body="".join(f"{line}\n" for line in lines).encode(),
                **encryption,
            )
        except (roles.RoleError, ClientError, BotoCoreError) as error:
            self._tell(first["Endpoint"], f"{place.uri}: {error}")
            return False
        return True

    def _tell(self, endpoint: str, problem: str) -> None:
        if endpoint not in self._told:
            self._told.add(endpoint)
            _log.warning("Captured events of %s wait: %s", endpoint, problem)


def _place(event: Document) -> Place:
    hour = int(event["Time"] // 3600)
    members = ("DestinationS3Uri", "Endpoint", "Region", "Variant", "RoleArn", "KmsKeyId")
    return (*(event[member] for member in members), hour)


def _key(event: Document) -> str:
    moment = datetime.fromtimestamp(event["Time"], UTC)
    name = f"{moment:%M-%S}-{moment.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
    return f"{event['Endpoint']}/{event['Variant']}/{moment:%Y/%m/%d/%H}/{name}"
