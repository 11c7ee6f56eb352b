"""The release's source bundle: buildspecs and scripts as one zip, the same bytes every time.

Uploading it belongs to whoever sets the account up.
"""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from importlib import resources

_FOLDER = "bundle"
_SUFFIXES = (".py", ".yml")
# The oldest time a zip can hold: equal sources must make equal bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def source_bundle() -> bytes:
    """Return the zip that CodePipeline's source action reads."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(_files().items()):
            entry = zipfile.ZipInfo(f"{_FOLDER}/{name}", _NO_TIME)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def source_sha256() -> str:
    """Return the digest of the bundle: it changes exactly when a script or buildspec does."""
    return hashlib.sha256(source_bundle()).hexdigest()


def _files() -> dict[str, bytes]:
    folder = resources.files("pipelines.release") / _FOLDER
    return {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if entry.name.endswith(_SUFFIXES)
    }
