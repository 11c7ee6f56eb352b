"""Which requests to moto may change its state, and must therefore be in the journal.

Being wrong towards "changes" costs a few microseconds; being wrong the other way loses data. How
requests are recorded belongs to core.journal.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from localaws.core.accounts import scope_of

if TYPE_CHECKING:
    from localaws.core.http import Request

#: Operations that change nothing are named so.
_READS = ("Get", "List", "Describe", "Head")

#: And these, whatever their names. Signatures among them are never twice the same.
_PURE = {
    "glue": frozenset({"BatchGetPartition"}),
    "iam": frozenset({"SimulateCustomPolicy", "SimulatePrincipalPolicy"}),
    "kms": frozenset(
        {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
         "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac",
         "GenerateRandom", "ReEncrypt", "Sign", "Verify", "VerifyMac"}
    ),
    "logs": frozenset({"FilterLogEvents"}),
    "secretsmanager": frozenset({"BatchGetSecretValue", "ValidateResourcePolicy"}),
}  # fmt: skip


class Effects:
    """Tells changes from reads. Used under moto's lock."""

    def __init__(self) -> None:
        self._touched: set[tuple[str, str, str]] = set()

    def expected(self, service: str, operation: str, request: Request, account_id: str) -> bool:
        """Tell whether a request may change something."""
        # Even a read makes moto fill a service's state for a new account and region, by chance.
        place = (service, account_id, scope_of(request.headers).region)
        if place not in self._touched:
            self._touched.add(place)
            return True
        if operation.startswith(_READS) or operation in _PURE.get(service, ()):
            return service == "s3" and _is_logged(request, account_id)
        return True


def waiting_messages(service: str, operation: str, account_id: str) -> list[int] | None:
    """Return how many messages each queue has before or after a ReceiveMessage, else None.

    A consumer asks an empty queue ten times a second. Such an answer changes nothing unless moto
    has moved a message to a dead-letter queue, which these numbers show.
    """
    if (service, operation) != ("sqs", "ReceiveMessage"):
        return None
    regions = _backends("sqs", account_id)
    return [len(q._messages) for region in regions.values() for q in region.queues.values()]  # noqa: SLF001


def _is_logged(request: Request, account_id: str) -> bool:
    # moto writes S3's server access logs, as objects, also of reads.
    bucket_name = request.path.lstrip("/").partition("/")[0]
    return any(
        bucket.logging
        for region in _backends("s3", account_id).values()
        if (bucket := region.buckets.get(bucket_name)) is not None
    )


def _backends(service: str, account_id: str) -> dict[str, Any]:
    """Return moto's backends by region, without making any."""
    models = sys.modules.get(f"moto.{service}.models")
    if models is None:
        return {}
    backends: dict[str, Any] = dict.get(getattr(models, f"{service}_backends"), account_id, {})
    return backends
