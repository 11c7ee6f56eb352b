"""``python -m localaws.coverage``: the manifest of what is real, stored and refused.

Written from what a request would meet: the providers' methods, the allow-list before moto, and
botocore's models for the rest. Deciding what is sound belongs to core.allowed and the providers.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.session import Session

from localaws.core.allowed import ALLOWED, STORED
from localaws.core.provider import named_method
from localaws.core.routing import service_model
from localaws.services import GUARDS, PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MANIFEST = Path(__file__).parent / "COVERAGE.md"

_HEAD = """\
# What the embedded AWS performs

Written by `python -m localaws.coverage`; a test fails when it is out of date.

- **real**: the work is done. *Ours* by a provider in `localaws/services`; *moto* by moto, each
  operation proved by `tests/functional/localaws/proofs` (a write changes its state, a read shows
  what was written); *guarded* by moto, with our checks before it.
- **stored**: kept and given back, without the further effect it has on AWS; the table says which.
- **refused**: answered with `NotImplementedException`, HTTP 501, which clients do not retry.
"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a service's operations meet.

    Attributes:
        ours: Performed by a provider.
        guarded: Performed by moto, after checks of ours.
        moto: Performed by moto as they come.
        stored: Operation to what is not done.
        refused: All others.
    """

    service: str
    ours: tuple[str, ...]
    guarded: tuple[str, ...]
    moto: tuple[str, ...]
    stored: dict[str, str]
    refused: tuple[str, ...]

    @property
    def real(self) -> int:
        """How many operations do what they do on AWS."""
        return len(self.ours) + len(self.guarded) + len(self.moto)


def coverage() -> list[Coverage]:
    """Return the services of which at least one operation is performed, by name."""
    providers, guards = dict(_classes(PROVIDERS)), dict(_classes(GUARDS))
    return [
        _of(service, providers.get(service), guards.get(service))
        for service in sorted(providers.keys() | ALLOWED.keys())
    ]


def manifest() -> str:
    """Return the manifest as Markdown."""
    services = coverage()
    others = sorted(set(Session().get_available_services()) - {each.service for each in services})
    rows = [
        f"| {each.service} | {each.real} | {len(each.stored)} | {len(each.refused)} |"
        for each in services
    ]
    parts = [
        _HEAD,
        "| Service | real | stored | refused |\n|---|---:|---:|---:|\n" + "\n".join(rows) + "\n",
        *map(_section, services),
        f"## Refused whole\n\nEvery operation of botocore's other {len(others)} services.\n",
    ]
    return "\n".join(parts)


def main() -> int:
    """Write the manifest, or tell whether it is out of date. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="localaws.coverage", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    written = manifest()
    if not parser.parse_args().check:
        MANIFEST.write_text(written)
        return 0
    if MANIFEST.exists() and MANIFEST.read_text() == written:
        return 0
    sys.stderr.write(f"{MANIFEST} is out of date: run `python -m localaws.coverage`\n")
    return 1


def _of(service: str, provider: Any, guard: Any) -> Coverage:
    names = set(service_model(service).operation_names)
    ours = {name for name in names if provider and named_method(provider, xform_name(name))}
    passed = ALLOWED.get(service, frozenset()) - ours
    guarded = {name for name in passed if guard and named_method(guard, xform_name(name))}
    notes = STORED.get(service, {}) | (provider.stored if provider else {})
    stored = {name: notes[name] for name in sorted(notes) if name in ours | passed}
    return Coverage(
        service,
        _sorted(ours - stored.keys()),
        _sorted(guarded - stored.keys()),
        _sorted(passed - guarded - stored.keys()),
        stored,
        _sorted(names - ours - passed),
    )


def _classes(paths: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for path in paths:
        module, _, name = path.partition(":")
        found = getattr(importlib.import_module(module), name)
        yield found.service, found


def _section(each: Coverage) -> str:
    lines = [f"## {each.service}", ""]
    for title, names in (
        ("Real, ours", each.ours),
        ("Real, moto guarded", each.guarded),
        ("Real, moto", each.moto),
    ):
        if names:
            lines += [f"**{title}:** {', '.join(names)}", ""]
    if each.stored:
        lines += ["| Stored | Not done |", "|---|---|"]
        lines += [f"| {name} | {missing} |" for name, missing in each.stored.items()] + [""]
    if each.refused:
        lines += [f"**Refused:** {', '.join(each.refused)}", ""]
    return "\n".join(lines)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


if __name__ == "__main__":
    sys.exit(main())
