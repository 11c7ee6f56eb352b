"""Signatures and MACs, as others verify them.

https://docs.aws.amazon.com/kms/latest/developerguide/asymmetric-key-specs.html
Signatures are made here; MACs are moto's, checked before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core import relay
from localaws.core.errors import ServiceError, not_implemented
from localaws.core.guard import Guard
from localaws.services.kms import material, rules
from localaws.services.kms.describing import describe
from localaws.services.kms.holding import dry_run, private_key

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document


class Signing(Guard):
    """Guards signing, verifying, MACs and public keys."""

    def sign(self, call: Call, request: Document, passing: Passing) -> Response:
        """Sign a message or a digest."""
        key, algorithm, is_digest = _checked(request, passing)
        private = private_key(self.context, key)
        signature = material.sign(private, algorithm, request["Message"], is_digest=is_digest)
        return relay.answer(
            {"KeyId": key["Arn"], "Signature": signature, "SigningAlgorithm": algorithm}
        )

    def verify(self, call: Call, request: Document, passing: Passing) -> Response:
        """Verify a signature; a wrong one is an error, not an answer."""
        key, algorithm, is_digest = _checked(request, passing)
        private = private_key(self.context, key)
        message, signature = request["Message"], request["Signature"]
        if not material.verifies(private, algorithm, message, signature, is_digest=is_digest):
            raise ServiceError("KMSInvalidSignatureException", "The signature is not valid.")
        return relay.answer(
            {"KeyId": key["Arn"], "SignatureValid": True, "SigningAlgorithm": algorithm}
        )

    def get_public_key(self, call: Call, request: Document, passing: Passing) -> Response:
        """Return the public half of an asymmetric key."""
        key = describe(passing, request["KeyId"])
        if not rules.is_asymmetric(key["KeySpec"]):
            raise ServiceError("UnsupportedOperationException", f"{key['Arn']} has no public key.")
        rules.check_state(key)
        kind = "SigningAlgorithms" if key["KeyUsage"] == rules.SIGN else "EncryptionAlgorithms"
        told = {"KeyId": key["Arn"], kind: sorted(rules.algorithms(key))}
        told |= {name: key[name] for name in ("KeySpec", "KeyUsage")}
        told["CustomerMasterKeySpec"] = key["KeySpec"]
        der = material.public_der(private_key(self.context, key))
        return relay.answer(told | {"PublicKey": der})

    def generate_mac(self, call: Call, request: Document, passing: Passing) -> Response:
        """Make a MAC with the one algorithm of the key."""
        return _mac(request, passing)

    def verify_mac(self, call: Call, request: Document, passing: Passing) -> Response:
        """Verify a MAC with the one algorithm of the key."""
        return _mac(request, passing)


def _checked(request: Document, passing: Passing) -> tuple[Document, str, bool]:
    key = describe(passing, request["KeyId"])
    algorithm, kind = request["SigningAlgorithm"], request.get("MessageType", "RAW")
    rules.check_use(key, rules.SIGN, algorithm)
    if kind not in {"RAW", "DIGEST"}:
        raise not_implemented("kms", f"signing with MessageType {kind}")
    if kind == "DIGEST" and len(request["Message"]) != material.digest_bytes(algorithm):
        raise rules.invalid(
            f"Digest is invalid length for algorithm {algorithm}: "
            f"{material.digest_bytes(algorithm)} bytes are needed"
        )
    dry_run(request)
    return key, algorithm, kind == "DIGEST"


def _mac(request: Document, passing: Passing) -> Response:
    key = describe(passing, request["KeyId"])
    rules.check_use(key, rules.MAC, request["MacAlgorithm"])
    dry_run(request)
    told = relay.ask(passing, relay.body_of(passing))
    return relay.answer(told | {"KeyId": key["Arn"]})
