"""What a key may be used for, by its state, its usage and its material. Pure.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Document

ENCRYPT, SIGN, MAC = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC"
SYMMETRIC = "SYMMETRIC_DEFAULT"

_USAGES = {SYMMETRIC: {ENCRYPT}, "RSA": {ENCRYPT, SIGN}, "ECC": {SIGN}, "HMAC": {MAC}}
_ECDSA = {
    "ECC_NIST_P256": {"ECDSA_SHA_256"},
    "ECC_SECG_P256K1": {"ECDSA_SHA_256"},
    "ECC_NIST_P384": {"ECDSA_SHA_384"},
    "ECC_NIST_P521": {"ECDSA_SHA_512"},
}
_RSA = {
    SIGN: {f"RSASSA_{kind}_SHA_{n}" for kind in ("PSS", "PKCS1_V1_5") for n in (256, 384, 512)},
    ENCRYPT: {"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"},
}


def check_creation(spec: str, usage: str | None) -> str:
    """Return the usage of a new key.

    Raises:
        ServiceError: ``ValidationException``: this material cannot be used so, or only a key for
            symmetric encryption may leave its usage out.
    """
    if usage is None and spec == SYMMETRIC:
        return ENCRYPT
    allowed = _USAGES.get(_family(spec), set())
    if usage is None:
        raise invalid(f"You must specify a KeyUsage value for all KeySpecs other than {SYMMETRIC}")
    if usage not in allowed:
        raise invalid(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    return usage


def check_use(key: Document, usage: str, algorithm: str | None = None) -> None:
    """Check that a key may be used now, for this, with this algorithm.

    Args:
        key: Its metadata.
        usage: A KeyUsage.
        algorithm: Of encryption, signing or MAC; None where the operation has none.

    Raises:
        ServiceError: ``DisabledException``, ``KMSInvalidStateException`` or
            ``InvalidKeyUsageException``.
    """
    check_state(key)
    if key["KeyUsage"] != usage:
        raise ServiceError(
            "InvalidKeyUsageException", f"{key['Arn']} key usage is {key['KeyUsage']}."
        )
    if algorithm is not None and algorithm not in algorithms(key):
        raise ServiceError(
            "InvalidKeyUsageException",
            f"Algorithm {algorithm} is incompatible with key spec {key['KeySpec']}.",
        )


def check_state(key: Document) -> None:
    """Check that a key is enabled.

    Raises:
        ServiceError: ``DisabledException`` or ``KMSInvalidStateException``.
    """
    if key["KeyState"] == "Disabled":
        raise ServiceError("DisabledException", f"{key['Arn']} is disabled.")
    if key["KeyState"] != "Enabled":
        raise invalid_state(key)


def algorithms(key: Document) -> set[str]:
    """Return the algorithms that a key's material and usage allow."""
    spec: str = key["KeySpec"]
    family = _family(spec)
    if family == "ECC":
        return _ECDSA.get(spec, set())
    if family == "HMAC":
        return {f"HMAC_SHA_{spec.partition('_')[2]}"}
    return _RSA[key["KeyUsage"]] if family == "RSA" else {SYMMETRIC}


def is_asymmetric(spec: str) -> bool:
    """Tell whether a key has a public half."""
    return _family(spec) in {"RSA", "ECC"}


def invalid(message: str) -> ServiceError:
    """Answer for a request that contradicts itself."""
    return ServiceError("ValidationException", message)


def invalid_state(key: Document) -> ServiceError:
    """Answer for a key that is not in the state the operation needs."""
    return ServiceError(
        "KMSInvalidStateException", f"{key['Arn']} is {key['KeyState']}: not valid for this request"
    )


def _family(spec: str) -> str:
    return spec if spec == SYMMETRIC else spec.partition("_")[0]
