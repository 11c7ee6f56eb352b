"""Tags of anything that has a SageMaker ARN. What a tag means does not belong here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker.listing import paginate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localaws.core.store import Store

_TABLE = "sagemaker/tags"
_MOST = 50


def put(store: Store, arn: str, tags: Iterable[Document]) -> list[Document]:
    """Add tags to a resource, replacing those of equal key; return all of them.

    Raises:
        ServiceError: ResourceLimitExceeded, there would be more than 50.
    """
    table = store.table(_TABLE)
    kept = {tag["Key"]: tag["Value"] for tag in get(store, arn)}
    kept |= {tag["Key"]: tag["Value"] for tag in tags}
    if len(kept) > _MOST:
        raise ServiceError("ResourceLimitExceeded", f"{arn} may have no more than {_MOST} tags.")
    listed = [{"Key": key, "Value": value} for key, value in kept.items()]
    if listed:
        table.put(arn, {"Tags": listed})
    return listed


def get(store: Store, arn: str) -> list[Document]:
    """Return a resource's tags."""
    document = store.table(_TABLE).get(arn)
    return list(document["Tags"]) if document else []


def remove(store: Store, arn: str) -> None:
    """Forget the tags of a resource that is no more."""
    store.table(_TABLE).delete(arn)


class Tags(Provider):
    """AddTags, ListTags, DeleteTags."""

    def add_tags(self, call: Call, request: Document) -> Document:
        """Add or replace tags."""
        return {"Tags": put(self.context.store, request["ResourceArn"], request["Tags"])}

    def list_tags(self, call: Call, request: Document) -> Document:
        """List tags."""
        tags = get(self.context.store, request["ResourceArn"])
        page, more = paginate(tags, request, name=lambda tag: str(tag["Key"]), size=_MOST)
        return {"Tags": page, **more}

    def delete_tags(self, call: Call, request: Document) -> Document:
        """Remove tags by key."""
        arn, keys = request["ResourceArn"], set(request["TagKeys"])
        kept = [tag for tag in get(self.context.store, arn) if tag["Key"] not in keys]
        self.context.store.table(_TABLE).put(arn, {"Tags": kept})
        return {}
