"""moto's clock and dice, pinned for the length of one call, so that the call can be repeated.

A call performed twice with the same pin does the same: same time, same ids, same keys. This is the
one place that changes moto's globals. What is recorded, and where, belongs to core.journal.

moto 5.2.5 takes the time from ``core.utils.utcnow``, which its modules import by name, and in few
places from ``datetime.now`` and ``time.time``; chance from its own ``mock_random``, and in few
places from ``os.urandom`` and the cryptography library.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: Makes a private key, or finds the one that was made the first time.
    Keys = Callable[[Callable[[], Any]], Any]


class Pin:
    """What one call gets from the world.

    Attributes:
        time: In epoch seconds.
        seed: 16 bytes; all chance follows from it.
        keys: Asked for each private key: those cannot be had from a seed.
        again: The call was performed before; nothing may leave this process a second time.
    """

    __slots__ = ("_draws", "_left", "again", "keys", "moment", "seed", "time")

    def __init__(self, at: float, seed: bytes, keys: Keys, *, again: bool = False) -> None:
        self.time = at
        self.moment = datetime.fromtimestamp(at, UTC)
        self.seed = seed
        self.keys = keys
        self.again = again
        self._draws = 0
        self._left = b""

    def random_bytes(self, size: int) -> bytes:
        """Return the next bytes of the stream that follows from the seed."""
        if len(self._left) < size:
            self._draws += 1
            drawn = hashlib.shake_256(self.seed + self._draws.to_bytes(8, "big"))
            self._left += drawn.digest(size + 200)
        wanted, self._left = self._left[:size], self._left[size:]
        return wanted


def fresh(keys: Keys) -> Pin:
    """Return a pin for a call performed now."""
    return Pin(time.time(), os.urandom(16), keys)


#: Of the call under way. A process has one moto, and moto performs one call at a time.
_pin: Pin | None = None


@contextlib.contextmanager
def pinned(pin: Pin) -> Iterator[None]:
    """Perform what is inside with this clock and these dice."""
    global _pin  # noqa: PLW0603 - moto's functions take no argument by which to give it to them
    _pin = pin
    try:
        yield
    finally:
        _pin = None


def install() -> None:
    """Put the pins into moto. Once is enough; repeating does nothing."""
    utils = importlib.import_module("moto.core.utils")
    # Its code and not its name is replaced: modules have imported the function by name.
    utils.utcnow.__code__ = _utcnow.__code__
    utils.utcnow.__kwdefaults__ = {"_now": utcnow}
    for module_name, names in _replacements().items():
        module = importlib.import_module(f"moto.{module_name}")
        for name, replacement in names.items():
            setattr(module, name, replacement)
    internal = importlib.import_module("moto.moto_api._internal")
    internal.mock_random.__class__ = _dice(internal.mock_random.__class__)
    importlib.import_module("moto.sqs.models").Queue.wait_for_messages = _wait
    # moto remembers this key outside of its state, where a restart would lose it.
    importlib.import_module("moto.sns.models").Subscription.private_key = _signing_key


def utcnow() -> datetime:
    """Return the time as moto has it, in UTC without saying so."""
    moment = _pin.moment if _pin else datetime.now(UTC)
    return moment.replace(tzinfo=None)


# Runs among moto.core.utils' globals, hence the argument.
def _utcnow(*, _now: Any = None) -> datetime:
    return _now()  # type: ignore[no-any-return]


@functools.cache
def _dice(moto_random: Any) -> Any:
    """Return moto's own class of dice, but that it draws from the pin's bytes."""

    class Dice(moto_random):  # type: ignore[misc]
        def getrandbits(self, bits: int) -> int:
            size = (bits + 7) // 8
            return int.from_bytes(_urandom(size), "big") >> (size * 8 - bits)

        def random(self) -> float:
            return self.getrandbits(53) * 2**-53

    return moto_random if moto_random.__name__ == "Dice" else Dice


class _Instead:
    """A module or class with some of its names replaced."""

    def __init__(self, original: Any, **replaced: Any) -> None:
        self._original = original
        vars(self).update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


def _time() -> float:
    return _pin.time if _pin else time.time()


def _now(tz: tzinfo | None = None) -> datetime:
    if _pin is None:
        return datetime.now(tz)
    return _pin.moment.astimezone(tz) if tz else _pin.moment.astimezone().replace(tzinfo=None)


def _urandom(size: int) -> bytes:
    return _pin.random_bytes(size) if _pin else os.urandom(size)


def _request_id(headers: dict[str, Any] | None = None) -> str:
    request_id = _urandom(26).hex().upper()
    if headers is not None:
        headers["x-amzn-requestid"] = request_id
    return request_id


def _serial_number() -> int:
    return int.from_bytes(_urandom(20), "big") >> 1


def _key_maker(module: Any) -> Callable[..., Any]:
    def generate_private_key(*arguments: Any, **named: Any) -> Any:
        def make() -> Any:
            return module.generate_private_key(*arguments, **named)

        return _pin.keys(make) if _pin else make()

    return generate_private_key


def _wait(_queue: Any, seconds: float) -> None:
    # To wait is core.long_poll's; here every other call would wait too, and a pinned clock stands.
    if _pin is None:
        time.sleep(seconds)
    else:
        _pin.moment += timedelta(seconds=seconds + 1)


def _signing_key(subscription: Any) -> Any:
    kept = vars(subscription)
    if "signing_key" not in kept:
        rsa = importlib.import_module("moto.sns.models").rsa
        kept["signing_key"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return kept["signing_key"]


def _post(*arguments: Any, **named: Any) -> Any:
    if _pin is not None and _pin.again:
        return None  # the subscriber got it the first time
    return importlib.import_module("requests").post(*arguments, **named)


def _replacements() -> dict[str, dict[str, Any]]:
    asymmetric = "cryptography.hazmat.primitives.asymmetric"
    rsa, ec = (importlib.import_module(f"{asymmetric}.{name}") for name in ("rsa", "ec"))
    keyed_rsa = _Instead(rsa, generate_private_key=_key_maker(rsa))
    chance = _Instead(os, urandom=_urandom)
    x509 = _Instead(
        importlib.import_module("cryptography.x509"), random_serial_number=_serial_number
    )
    methods = importlib.import_module("moto.core.utils").method_names_from_class
    return {
        # These two are each a good part of a millisecond of every call, also of one made again.
        "core.responses": {
            "gen_amzn_requestid_long": _request_id,
            "method_names_from_class": functools.cache(methods),
        },
        "iam.models": {"os": chance},
        "kms.models": {"os": chance},
        "kms.responses": {"os": chance},
        "kms.utils": {
            "os": chance,
            "rsa": keyed_rsa,
            "ec": _Instead(ec, generate_private_key=_key_maker(ec)),
        },
        "s3.models": {
            "os": chance,
            "datetime": _Instead(
                importlib.import_module("datetime"), datetime=_Instead(datetime, now=_now)
            ),
        },
        "secretsmanager.models": {"time": _Instead(time, time=_time)},
        "sns.models": {
            "rsa": keyed_rsa,
            "cryptography": _Instead(importlib.import_module("cryptography"), x509=x509),
            "requests": _Instead(importlib.import_module("requests"), post=_post),
        },
    }
