"""moto's objects to bytes and back: what plain pickle cannot do, and what it must not.

Out: locks, object bodies and private keys are not picklable; moto's dict subclasses would lose
their content (S3's version history among it). In: only moto's classes and a few harmless ones may
be named by a snapshot. See docs/adr/0002-moto-snapshot.md. Files do not belong here.
"""

from __future__ import annotations

import importlib
import pickle
import threading
from collections import OrderedDict, defaultdict
from functools import partial
from types import FunctionType
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localaws.core.bodies import Bodies, Body

_LOCK_KINDS = {type(threading.Lock()): "lock", type(threading.RLock()): "rlock"}

#: Names a snapshot may use besides moto's classes. None of them runs code of the snapshot's choice.
_ALLOWED = frozenset(
    {
        ("builtins", "bytearray"),
        ("builtins", "complex"),
        ("builtins", "dict"),
        ("builtins", "frozenset"),
        ("builtins", "int"),
        ("builtins", "list"),
        ("builtins", "object"),
        ("builtins", "set"),
        ("builtins", "str"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("copyreg", "_reconstructor"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("localaws.core.pickling", "fill_key"),
        ("localaws.core.pickling", "fill_mapping"),
        ("localaws.core.pickling", "new_mapping"),
        ("re", "_compile"),
        ("requests.structures", "CaseInsensitiveDict"),
        ("threading", "Condition"),
        ("uuid", "UUID"),
    }
)

#: moto's default factories that are lambdas, by where they are written, and what they do.
_FACTORIES: dict[str, Any] = {
    "SimpleSystemManagerBackend.__init__.<locals>.<lambda>": partial(defaultdict, dict),
}


#: moto's registries of backends; the snapshot's root names those itself.
_BACKEND_CLASSES = frozenset({"BackendDict", "S3BackendDict", "AccountSpecificBackend"})


class MotoPickler(pickle.Pickler):
    """Writes moto's objects.

    Attributes:
        digests: Of every object body met.
    """

    def __init__(self, file: IO[bytes], bodies: Bodies, key_class: type) -> None:
        super().__init__(file, protocol=5)
        self.digests: set[str] = set()
        self._bodies = bodies
        self._key_class = key_class

    def persistent_id(self, obj: Any) -> Any:
        """Replace what cannot be pickled by what it can be made again from."""
        if type(obj) in _LOCK_KINDS:
            return _LOCK_KINDS[type(obj)], None
        if hasattr(obj, "private_bytes"):
            return "private-key", private_bytes(obj)
        return None

    def reducer_override(self, obj: Any) -> Any:
        """Take apart what pickle would take apart wrongly.

        Raises:
            pickle.PicklingError: The object's class is one the unpickler would refuse.
        """
        if isinstance(obj, type | FunctionType):
            # Now, not at the next start, is the time to hear of a class that cannot be read back.
            _check_allowed(obj, obj.__module__, obj.__qualname__, pickle.PicklingError)
            return NotImplemented
        if isinstance(obj, self._key_class):
            return new_mapping, (type(obj),), self._key_state(obj), None, None, fill_key
        if isinstance(obj, dict) and type(obj) not in {dict, OrderedDict}:
            if type(obj).__name__ in _BACKEND_CLASSES:
                raise pickle.PicklingError("a backend refers to another service's whole state")
            state = (list(dict.items(obj)), dict(getattr(obj, "__dict__", {})), _factory(obj))
            return new_mapping, (type(obj),), state, None, None, fill_mapping
        if isinstance(obj, threading.Condition):
            return threading.Condition, ()
        return NotImplemented

    def _key_state(self, key: Any) -> tuple[dict[str, Any], str | None]:
        from localaws.core.bodies import Body

        if not isinstance(key._value_buffer, Body):  # noqa: SLF001 - moto's object is what we store
            key._value_buffer = self._bodies.adopt(key._value_buffer)  # noqa: SLF001
        digest = key._value_buffer.freeze()  # noqa: SLF001
        if digest is not None:
            self.digests.add(digest)
        state = {k: v for k, v in vars(key).items() if k not in {"_value_buffer", "lock"}}
        return state, digest


class MotoUnpickler(pickle.Unpickler):
    """Reads what ``MotoPickler`` wrote, and refuses any other class or function.

    Attributes:
        digests: Of every object body met.
        gone: Names of objects whose content is not there, if it may be missing (``salvage``).
            They are there, but cannot be read.
    """

    def __init__(self, file: IO[bytes], bodies: Bodies, *, salvage: bool = False) -> None:
        super().__init__(file)
        self.digests: set[str] = set()
        self.gone: list[str] = []
        self._bodies = bodies
        self._salvage = salvage

    def find_class(self, module_name: str, name: str) -> Any:
        """Return a class or function a snapshot may use.

        Raises:
            pickle.UnpicklingError: It may not.
        """
        if (module_name, name) not in _ALLOWED and not module_name.startswith("moto."):
            raise pickle.UnpicklingError(f"a snapshot may not use {module_name}.{name}")
        found = super().find_class(module_name, name)
        _check_allowed(found, module_name, name, pickle.UnpicklingError)
        return found

    def persistent_load(self, pid: Any) -> Any:
        """Make again what ``persistent_id`` replaced."""
        kind, value = pid
        if kind == "lock":
            return threading.Lock()
        if kind == "rlock":
            return threading.RLock()
        if kind == "private-key":
            return private_key(value)
        raise pickle.UnpicklingError(f"unknown persistent id {kind!r}")

    def load_state(self) -> Any:
        """Return the root object, its S3 objects bound to their bodies."""
        _load.under_way = self
        try:
            return self.load()
        finally:
            del _load.under_way

    def body(self, digest: str | None, size: int, owner: str) -> Body:
        """Return an object's body.

        Raises:
            pickle.UnpicklingError: Its content is missing, or not all of it is there.
        """
        from localaws.core.bodies import Body

        if digest is not None and not self._bodies.has(digest, size):
            if not self._salvage:
                path = self._bodies.path(digest)
                raise pickle.UnpicklingError(f"{path}, the content of {owner}, is missing or short")
            self.gone.append(owner)
            digest = None
        if digest is not None:
            self.digests.add(digest)
        return Body(self._bodies, digest)


#: The load under way in this thread; pickle gives fill_key no other way to it.
_load = threading.local()


def new_mapping(cls: Any) -> Any:
    """Make an empty object without calling its constructor."""
    return cls.__new__(cls)


def fill_mapping(mapping: Any, state: tuple[list[tuple[Any, Any]], dict[str, Any], Any]) -> None:
    """Give a dict subclass its items, attributes and default factory back, past its overrides."""
    items, attributes, factory = state
    if isinstance(mapping, defaultdict):
        mapping.default_factory = _FACTORIES[factory] if isinstance(factory, str) else factory
    dict.update(mapping, items)
    if attributes:
        vars(mapping).update(attributes)


def fill_key(key: Any, state: tuple[dict[str, Any], str | None]) -> None:
    """Give an S3 object its attributes, its body and a new lock."""
    attributes, digest = state
    vars(key).update(attributes)
    key._value_buffer = _load.under_way.body(  # noqa: SLF001
        digest, key.contentsize, f"{key.bucket_name}/{key.name}"
    )
    key.lock = threading.Lock()


def _check_allowed(
    found: Any, module_name: str, name: str, error: type[pickle.PickleError]
) -> None:
    # "moto.s3.models" and "os.system" lead somewhere too: a class must be moto's own by itself.
    owned = isinstance(found, type) and found.__module__.startswith("moto.")
    if not owned and (module_name, name) not in _ALLOWED:
        raise error(f"a snapshot may not use {module_name}.{name}")


def _factory(mapping: Any) -> Any:
    """Return a default factory as itself if it is a class, else by its name in _FACTORIES."""
    factory = getattr(mapping, "default_factory", None)
    if factory is None or isinstance(factory, type):
        return factory
    for name, known in _FACTORIES.items():
        if factory is known or getattr(factory, "__qualname__", "") == name:
            return name
    raise pickle.PicklingError(f"unknown default factory {factory!r} of {type(mapping)}")


def private_key(encoded: bytes) -> Any:
    """Return the key that ``private_bytes`` encoded."""
    serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    return serialization.load_der_private_key(encoded, password=None)


def private_bytes(key: Any) -> bytes:
    """Return a private key as PKCS #8 DER, not encrypted."""
    serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    encoded: bytes = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return encoded
