"""Private keys of asymmetric KMS keys, and what is computed with them. No request belongs here.

moto signs digests as if they were messages, salts PSS otherwise than AWS, and encrypts with AES
under an RSA key's name; so these keys are ours. moto keeps their names, states and policies.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

if TYPE_CHECKING:
    from collections.abc import Callable

_CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "1": hashes.SHA1,
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


def generate(spec: str) -> str:
    """Return a new private key, PEM."""
    if spec in _CURVES:
        key: Any = ec.generate_private_key(_CURVES[spec]())
    else:
        key = rsa.generate_private_key(65537, int(spec.partition("_")[2]))
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


@functools.lru_cache(maxsize=64)
def load(pem: str) -> Any:
    """Return the private key that a PEM of ``generate`` spells."""
    # Checking an RSA key takes a quarter of a second, and this one is our own.
    return serialization.load_pem_private_key(
        pem.encode(), None, unsafe_skip_rsa_key_validation=True
    )


def public_der(key: Any) -> bytes:
    """Return the public half, a DER SubjectPublicKeyInfo."""
    der: bytes = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return der


def digest_bytes(algorithm: str) -> int:
    """Return the length of the digest that an algorithm signs."""
    return _hash(algorithm).digest_size


def sign(key: Any, algorithm: str, message: bytes, *, is_digest: bool) -> bytes:
    """Return a signature.

    Args:
        key: A private key.
        algorithm: A SigningAlgorithm of KMS that fits it.
        message: The message, or its digest.
        is_digest: Which of them.
    """
    signature: bytes = key.sign(message, *_scheme(algorithm, is_digest=is_digest))
    return signature


def verifies(
    key: Any, algorithm: str, message: bytes, signature: bytes, *, is_digest: bool
) -> bool:
    """Tell whether a signature is the key's, of this message; arguments as of ``sign``."""
    try:
        key.public_key().verify(signature, message, *_scheme(algorithm, is_digest=is_digest))
    except InvalidSignature:
        return False
    return True


def encrypt(key: Any, algorithm: str, plaintext: bytes) -> bytes:
    """Encrypt for an RSA key.

    Raises:
        ValueError: The plaintext is too long for the key.
    """
    ciphertext: bytes = key.public_key().encrypt(plaintext, _oaep(algorithm))
    return ciphertext


def decrypt(key: Any, algorithm: str, ciphertext: bytes) -> bytes:
    """Decrypt with an RSA key.

    Raises:
        ValueError: It is no ciphertext of this key and algorithm.
    """
    plaintext: bytes = key.decrypt(ciphertext, _oaep(algorithm))
    return plaintext


def _scheme(algorithm: str, *, is_digest: bool) -> tuple[Any, ...]:
    hashing = _hash(algorithm)
    taken: Any = utils.Prehashed(hashing) if is_digest else hashing
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(taken),)
    if algorithm.startswith("RSASSA_PSS"):
        return padding.PSS(padding.MGF1(hashing), salt_length=hashing.digest_size), taken
    return padding.PKCS1v15(), taken


def _oaep(algorithm: str) -> padding.OAEP:
    hashing = _hash(algorithm)
    return padding.OAEP(padding.MGF1(hashing), hashing, None)


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    return _HASHES[algorithm.rpartition("_")[2]]()
