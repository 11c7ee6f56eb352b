"""What must become of a feature group, so that it is what is declared? One step at a time.

Feature Store adds features and changes the default time to live; all else of a group is fixed when
it is created, so anything else declared differently needs a group of a new version. The old one
keeps what it has and goes on serving until then.
"""

from typing import Literal

from pydantic import Field

from decisions.model import Fact

FeatureType = Literal["Integral", "Fractional", "String"]
TableFormat = Literal["Glue", "Iceberg"]


class GroupFacts(Fact):
    """A feature group, as declared or as found.

    Attributes:
        features: All of them, record id and event time included, in order.
        table_format: Of the offline store; None without one.
        ttl_seconds: After its event time plus this the online store forgets a record; None keeps.
    """

    record_id: str
    event_time: str
    features: dict[str, FeatureType]
    online: bool = True
    table_format: TableFormat | None = "Glue"
    ttl_seconds: int | None = Field(default=None, ge=1)


class NoChange(Fact):
    """The group is what is declared."""

    verdict: Literal["no change"] = "no change"


class Create(Fact):
    """There is no such group yet."""

    verdict: Literal["create"] = "create"


class AddFeatures(Fact):
    """The group lacks these."""

    verdict: Literal["add features"] = "add features"
    features: dict[str, FeatureType]


class UpdateTtl(Fact):
    """Records written from now on are to be kept for another time; None keeps them for ever."""

    verdict: Literal["update ttl"] = "update ttl"
    ttl_seconds: int | None


class NeedsNewVersion(Fact):
    """The group cannot become what is declared; says each thing that stands against it."""

    verdict: Literal["needs new version"] = "needs new version"
    why: tuple[str, ...]


GroupPlan = NoChange | Create | AddFeatures | UpdateTtl | NeedsNewVersion


def plan(declared: GroupFacts, found: GroupFacts | None) -> GroupPlan:
    """Return the next step from what is found to what is declared.

    The API takes one kind of change a call, so each step is told by itself; after it, ask again.
    """
    if found is None:
        return Create()
    if why := (*_fixed(declared, found), *_features(declared, found)):
        return NeedsNewVersion(why=why)
    lacking = {n: kind for n, kind in declared.features.items() if n not in found.features}
    if lacking:
        return AddFeatures(features=lacking)
    if declared.ttl_seconds != found.ttl_seconds:
        return UpdateTtl(ttl_seconds=declared.ttl_seconds)
    return NoChange()


def _fixed(declared: GroupFacts, found: GroupFacts) -> tuple[str, ...]:
    pairs = (
        ("record id", found.record_id, declared.record_id),
        ("event time", found.event_time, declared.event_time),
        ("online store", _switch(found.online), _switch(declared.online)),
        ("offline table format", found.table_format or "off", declared.table_format or "off"),
    )
    return tuple(f"{what} is {has!r}, wanted {wanted!r}" for what, has, wanted in pairs
                 if has != wanted)  # fmt: skip


def _features(declared: GroupFacts, found: GroupFacts) -> tuple[str, ...]:
    retyped = (
        f"type of {name} is {found.features[name]!r}, wanted {kind!r}"
        for name, kind in declared.features.items()
        if found.features.get(name, kind) != kind
    )
    removed = (
        f"feature {name} is no longer declared" for name in found.features
        if name not in declared.features
    )  # fmt: skip
    return (*retyped, *removed)


def _switch(on: bool) -> str:  # noqa: FBT001 - a word for a fact
    return "on" if on else "off"
