"""The step code as SageMaker gets it: content-addressed, and the same bytes from the same sources.

Which bucket it goes to, and who uploads it, does not belong here.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import importlib.util
import io
import tarfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ARCHIVE = "sourcedir.tar.gz"
_ROOT_FILES = ("bootstrap.py", "train_entry.py", "requirements.txt")
_SUFFIXES = frozenset({".py", ".txt"})


class CodeBundleError(Exception):
    """A source that the bundle needs is not where it should be."""


@dataclass(frozen=True)
class CodeBundle:
    """Files by path, relative to the bundle's root, where `python3 bootstrap.py <step>` works."""

    files: Mapping[str, bytes]

    @cached_property
    def sha256(self) -> str:
        """Digest over every path and content, in order of path."""
        digest = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            digest.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        return digest.hexdigest()

    @cached_property
    def archive(self) -> bytes:
        """The same files as `sourcedir.tar.gz` for script mode, equal bytes for equal files."""
        packed = io.BytesIO()
        with (
            gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for path, content in sorted(self.files.items()):
                member = tarfile.TarInfo(path)
                member.size = len(content)
                member.mode = 0o644
                tar.addfile(member, io.BytesIO(content))
        return packed.getvalue()

    @property
    def prefix(self) -> str:
        """Key prefix below which the artifact bucket holds this bundle."""
        return f"code/{self.sha256}"

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Yield every S3 key with its content; the archive last, so that it marks completeness."""
        for path, content in sorted(self.files.items()):
            yield f"{self.prefix}/{path}", content
        yield f"{self.prefix}/{ARCHIVE}", self.archive


def build_bundle() -> CodeBundle:
    """Collect the step scripts and the decisions that they import, and no other.

    A change of code is a reason to train again: what no step imports must not count as one.

    Raises:
        CodeBundleError: A package has no sources on disk.
    """
    steps = _package_folder("pipelines.steps")
    files = {"pipelines/__init__.py": b""}
    files |= {name: (steps / name).read_bytes() for name in _ROOT_FILES}
    files |= _sources(steps, "pipelines/steps")
    files |= _needed(_sources(_package_folder("decisions"), "decisions"), files)
    return CodeBundle(dict(sorted(files.items())))


def _needed(decisions: Mapping[str, bytes], steps: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the decisions that the steps import, and those that these import in turn."""
    found: dict[str, bytes] = {}
    unread = [content for path, content in steps.items() if path.endswith(".py")]
    while unread:
        for path in _imported(unread.pop()):
            if path in decisions and path not in found:
                found[path] = decisions[path]
                unread.append(decisions[path])
    return found


@lru_cache(1024)
def _imported(source: bytes) -> tuple[str, ...]:
    """Return the paths at which a module's imports may lie, those of their packages included."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        for parts in (name.split(".") for name in names):
            paths = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
            found += [f"{path}{end}" for path in paths for end in (".py", "/__init__.py")]
    return tuple(found)


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise CodeBundleError(
            f"package {name} has no folder of sources; expected an installed project. "
            "Install it with `pip install -e .` or run from the project's root."
        )
    return Path(places[0])


def _sources(folder: Path, prefix: str) -> dict[str, bytes]:
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _SUFFIXES and "__pycache__" not in path.parts
    }
