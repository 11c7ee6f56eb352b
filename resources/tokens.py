"""Client tokens: the same intent always gives the same token, in any process, on any day.

AWS answers a repeated token with the first call's result, so a re-run after a crash re-attaches
instead of starting twice. Clocks and random numbers therefore do not belong here.
"""

from __future__ import annotations

import hashlib

#: UpdateModelPackage and CreateModelPackage take at most this many characters.
SHORT = 36


def token_for(intent: str, salt: str = "") -> str:
    """Return 64 hex digits for ``intent``; ``salt`` tells deliberate repetitions apart.

    Fits SageMaker pipelines and Athena (32-128 characters) and CodePipeline (at most 128).
    """
    text = f"{intent}\n{salt}" if salt else intent
    return hashlib.sha256(text.encode()).hexdigest()


def short_token_for(intent: str, salt: str = "") -> str:
    """Return the first 36 digits of the token, for the operations that take no more."""
    return token_for(intent, salt)[:SHORT]
