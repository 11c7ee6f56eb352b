"""What was fetched, until it may have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_MOST = 20_000


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Operations after which what was fetched from a service may be wrong; of IAM, every change.
_STALE_AFTER = {
    "s3": _names(
        """
        CreateBucket DeleteBucket PutBucketPolicy DeleteBucketPolicy PutPublicAccessBlock
        DeletePublicAccessBlock PutBucketEncryption DeleteBucketEncryption
        """
    ),
    "kms": _names(
        """
        CreateKey PutKeyPolicy CreateAlias UpdateAlias DeleteAlias ScheduleKeyDeletion ReplicateKey
        """
    ),
    "sns": _names("CreateTopic DeleteTopic SetTopicAttributes AddPermission RemovePermission"),
    "sqs": _names("CreateQueue DeleteQueue SetQueueAttributes AddPermission RemovePermission"),
    "secretsmanager": _names(
        "CreateSecret DeleteSecret RestoreSecret PutResourcePolicy DeleteResourcePolicy"
    ),
    "sagemaker": _names(
        """
        CreateModelPackageGroup DeleteModelPackageGroup PutModelPackageGroupPolicy
        DeleteModelPackageGroupPolicy
        """
    ),
    "events": _names("CreateEventBus DeleteEventBus PutPermission RemovePermission"),
    "athena": frozenset[str](),
}
_IAM_READS = ("Get", "List", "Simulate")


class Cache:
    """Values by key. Thread-safe: a value read before a change is not kept after it."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._generation = 0

    def get(self, key: Hashable, find: Callable[[], Any]) -> Any:
        """Return the value of ``key``, found by ``find`` if it is not here."""
        try:
            return self._values[key]
        except KeyError:
            generation = self._generation
            value = find()
            if generation == self._generation and len(self._values) < _MOST:
                self._values[key] = value
            return value

    def forget(self) -> None:
        """Forget everything."""
        self._generation += 1
        self._values = {}


class Caches:
    """A cache per service."""

    def __init__(self) -> None:
        self._caches = {service: Cache() for service in (*_STALE_AFTER, "iam")}

    def of(self, service: str) -> Cache:
        """Return what is known from a service."""
        return self._caches[service]

    def changed(self, service: str, operation: str) -> None:
        """Forget what an operation may have changed."""
        if service == "iam":
            stale = not operation.startswith(_IAM_READS)
        else:
            stale = operation in _STALE_AFTER.get(service, ())
        if stale:
            self._caches[service].forget()
