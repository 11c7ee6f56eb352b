"""Where monitors' samples lie in the lake, and their notes. Drawing them is sensors.monitor_job's.

A sample has a fresh folder each time that it is drawn; its note says which one is whole.
"""

from __future__ import annotations

_DIGITS = 24


def note(use_case: str, digest: str) -> str:
    """Return the key of a sample's note; ``digest`` names what is sampled."""
    return f"{notes(use_case)}{digest}.json"


def notes(use_case: str) -> str:
    """Return the folder of all notes."""
    return f"monitoring/{use_case}/sampled/"


def folder(use_case: str, digest: str, drawing: str) -> str:
    """Return the folder of one drawing."""
    return f"{folders(use_case)}{digest[:_DIGITS]}-{drawing}/"


def folders(use_case: str) -> str:
    """Return the folder of all drawings."""
    return f"monitoring/{use_case}/samples/"


def sampled_by(key: str) -> str:
    """Return what a note and the folders of its drawings have in common, from a key of either."""
    return key.split("/")[3][:_DIGITS]


def location_of(key: str) -> str | None:
    """Return the folder of the drawing that an object belongs to, or a note's own key."""
    parts = key.split("/")
    if parts[2] == "samples" and len(parts) > 4:  # noqa: PLR2004
        return "/".join(parts[:4]) + "/"
    return key if parts[2] == "sampled" else None
