"""One kind of SageMaker resource in the store: insert, get, change, list, with AWS's errors.

The meaning of the documents belongs to the modules that own them. Members whose names start with
an underscore are this server's own and never leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.store import DuplicateKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.provider import Call, Document
    from localaws.core.store import Store
    from localaws.services.sagemaker.arns import ResourceName


class Records:
    """The documents of one kind.

    Args:
        store: The server's store.
        kind: What the store calls it, for example ``sagemaker/endpoint``.
        missing: Error code and text for a resource that is not there; ``{arn}`` is filled in.
        taken: Error code and text for a name that is taken.
    """

    def __init__(
        self, store: Store, kind: str, *, missing: tuple[str, str], taken: tuple[str, str]
    ) -> None:
        self._table = store.table(kind)
        self._missing = missing
        self._taken = taken

    def insert(self, name: ResourceName, document: Document) -> None:
        """Write a new document.

        Raises:
            ServiceError: The name is taken.
        """
        try:
            self._table.insert(name.key, document)
        except DuplicateKeyError as error:
            raise _error(self._taken, name) from error

    def get(self, name: ResourceName) -> Document:
        """Return the document.

        Raises:
            ServiceError: There is no such resource.
        """
        document = self._table.get(name.key)
        if document is None:
            raise _error(self._missing, name)
        return document

    def find(self, name: ResourceName) -> Document | None:
        """Return the document, or None."""
        return self._table.get(name.key)

    def change(self, name: ResourceName, change: Callable[[Document], None]) -> Document:
        """Change the document in one step and return it.

        Raises:
            ServiceError: There is no such resource; or whatever ``change`` raises, and then
                nothing was written.
        """
        try:
            return self._table.update(name.key, change)
        except KeyError as error:
            raise _error(self._missing, name) from error

    def set(self, name: ResourceName, **members: object) -> Document:
        """Set members of the document; as ``change``."""
        return self.change(name, lambda document: document.update(members))

    def delete(self, name: ResourceName) -> None:
        """Remove the document.

        Raises:
            ServiceError: There is no such resource.
        """
        self.get(name)
        self._table.delete(name.key)

    def of(self, call: Call) -> list[Document]:
        """Return the caller's documents in order of creation."""
        return [document for _, document in self._table.scan(f"{call.account_id}/{call.region}/")]

    def all(self) -> Iterator[Document]:
        """Yield the documents of all accounts in order of creation."""
        for _, document in self._table.scan():
            yield document


def public(document: Document) -> Document:
    """Return the members that AWS shows."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def _error(template: tuple[str, str], name: ResourceName) -> ServiceError:
    code, text = template
    return ServiceError(code, text.format(arn=name.arn, name=name.name))
