"""Encrypting and decrypting: with the right key, in the right state, in the right context.

https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
Symmetric ciphertexts are moto's, RSA's are made here. Signing belongs to signing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core import relay
from localaws.core.errors import ServiceError
from localaws.core.guard import Guard
from localaws.services.kms import material, rules
from localaws.services.kms.describing import describe
from localaws.services.kms.holding import dry_run, private_key

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document


class Ciphers(Guard):
    """Guards encryption, decryption and data keys."""

    def encrypt(self, call: Call, request: Document, passing: Passing) -> Response:
        """Encrypt up to 4 KB."""
        key = describe(passing, request["KeyId"])
        algorithm = request.get("EncryptionAlgorithm", rules.SYMMETRIC)
        rules.check_use(key, rules.ENCRYPT, algorithm)
        dry_run(request)
        if algorithm == rules.SYMMETRIC:
            return relay.answer(relay.ask(passing, _unmistakable(passing)))
        return self._encrypt_for_rsa(key, request, algorithm)

    def decrypt(self, call: Call, request: Document, passing: Passing) -> Response:
        """Decrypt what the key named, or the one the ciphertext names, has encrypted."""
        if request.get("EncryptionAlgorithm", rules.SYMMETRIC) != rules.SYMMETRIC:
            return self._decrypt_with_rsa(request, passing)
        body = _unmistakable(passing)
        named = body.pop("KeyId", None)
        opened = relay.ask(passing, body)
        self._check_source(passing, opened["KeyId"], named)
        dry_run(request)
        return relay.answer(opened | {"EncryptionAlgorithm": rules.SYMMETRIC})

    def re_encrypt(self, call: Call, request: Document, passing: Passing) -> Response:
        """Decrypt with one symmetric key and encrypt with another."""
        for end in ("Source", "Destination"):
            if request.get(f"{end}EncryptionAlgorithm", rules.SYMMETRIC) != rules.SYMMETRIC:
                raise rules.invalid("The embedded AWS re-encrypts between symmetric keys only")
        target = describe(passing, request["DestinationKeyId"])
        rules.check_use(target, rules.ENCRYPT, rules.SYMMETRIC)
        contexts = ("SourceEncryptionContext", "DestinationEncryptionContext")
        body = _unmistakable(passing, *contexts)
        named = body.pop("SourceKeyId", None)
        moved = relay.ask(passing, body)
        self._check_source(passing, moved["SourceKeyId"], named)
        dry_run(request)
        return relay.answer(moved)

    def generate_data_key(self, call: Call, request: Document, passing: Passing) -> Response:
        """Make a data key, plain and encrypted."""
        return self._data_key(request, passing)

    def generate_data_key_without_plaintext(
        self, call: Call, request: Document, passing: Passing
    ) -> Response:
        """Make a data key, encrypted."""
        return self._data_key(request, passing)

    def _data_key(self, request: Document, passing: Passing) -> Response:
        key = describe(passing, request["KeyId"])
        rules.check_use(key, rules.ENCRYPT, rules.SYMMETRIC)
        dry_run(request)
        return relay.answer(relay.ask(passing, _unmistakable(passing)))

    @staticmethod
    def _check_source(passing: Passing, used: str, named: str | None) -> None:
        key = describe(passing, used)
        if named is not None and describe(passing, named)["Arn"] != key["Arn"]:
            raise ServiceError(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation",
            )
        rules.check_use(key, rules.ENCRYPT)

    def _encrypt_for_rsa(self, key: Document, request: Document, algorithm: str) -> Response:
        _check_no_context(request)
        try:
            blob = material.encrypt(private_key(self.context, key), algorithm, request["Plaintext"])
        except ValueError as error:
            raise rules.invalid(f"Plaintext is too long for {algorithm}: {error}") from error
        told = {"CiphertextBlob": blob, "KeyId": key["Arn"], "EncryptionAlgorithm": algorithm}
        return relay.answer(told)

    def _decrypt_with_rsa(self, request: Document, passing: Passing) -> Response:
        if "KeyId" not in request:
            raise rules.invalid("KeyId is required to decrypt with an asymmetric key")
        _check_no_context(request)
        key, algorithm = describe(passing, request["KeyId"]), request["EncryptionAlgorithm"]
        rules.check_use(key, rules.ENCRYPT, algorithm)
        dry_run(request)
        blob = request["CiphertextBlob"]
        try:
            plain = material.decrypt(private_key(self.context, key), algorithm, blob)
        except ValueError as error:
            raise ServiceError(
                "InvalidCiphertextException", "It is no ciphertext of this key and algorithm"
            ) from error
        told = {"Plaintext": plain, "KeyId": key["Arn"], "EncryptionAlgorithm": algorithm}
        return relay.answer(told)


def _unmistakable(passing: Passing, *names: str) -> Document:
    """Return the request with every encryption context such that moto cannot confuse two.

    moto authenticates names and values one after the other, so {"a": "bc"} passed for {"ab": "c"};
    with its length before each they are told apart.
    """
    body: dict[str, Any] = relay.body_of(passing)
    for name in names or ("EncryptionContext",):
        if name in body:
            body[name] = {_counted(k): _counted(v) for k, v in body[name].items()}
    return body


def _counted(text: str) -> str:
    return f"{len(text)}:{text}"


def _check_no_context(request: Document) -> None:
    if request.get("EncryptionContext"):
        raise rules.invalid("An encryption context is for symmetric keys only")
