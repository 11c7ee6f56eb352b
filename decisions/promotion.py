"""What should serve? Registry and endpoints in, one release plan out.

The newest approved package whose gates passed is desired. Rejecting the one that serves makes the
one before desired again, so a rollback is the same decision and travels the same path. The digest
of the plan identifies the release: it holds what serves now and the release number, so going
back to version 1 after version 2, and forward to 2 again, are other releases than the first ones.
"""

from pydantic import Field

from decisions.model import Fact, digest_of


class PackageFact(Fact):
    """One version in the Model Registry.

    Attributes:
        gates: "passed", or "failed: ..." as the registry asset recorded it; empty before that.
    """

    arn: str
    version: int
    approval: str
    model_sha256: str = ""
    gates: str = ""

    @property
    def releasable(self) -> bool:
        """Both locks are open: a person or the policy approved, and the gates passed."""
        return self.approval == "Approved" and self.gates == "passed" and bool(self.model_sha256)


class FailedRelease(Fact):
    """Releases of one package that failed in a row."""

    package_arn: str
    attempts: int = Field(ge=1)


class PromotionFacts(Fact):
    """All that the decision looks at.

    Attributes:
        serving: Package ARN that each stage's endpoint serves; None where nothing serves.
        in_flight: Digest of the plan that is being released now.
        finished_releases: How many releases have ended so far, well or badly.
        last_failed: The newest finished release, when it failed.
        requested: A person asked to try again after a failure.
    """

    packages: tuple[PackageFact, ...]
    serving: dict[str, str | None]
    in_flight: str | None = None
    finished_releases: int = Field(default=0, ge=0)
    last_failed: FailedRelease | None = None
    requested: bool = False


class Plan(Fact):
    """One release: this package, through these stages, in place of what serves now."""

    package_arn: str
    version: int
    model_sha256: str
    stages: tuple[str, ...]
    after: dict[str, str | None]
    number: int
    attempt: int
    reason: str

    @property
    def digest(self) -> str:
        """The release's identity; the reason is told, but does not make another release."""
        return digest_of(self.model_dump(mode="json", exclude={"reason"}))


class Nothing(Fact):
    """Nothing is to be released now."""

    why: str


class PromotionPolicy(Fact):
    """Through which stages, and how often a failed release is tried again on its own."""

    stages: tuple[str, ...] = Field(default=("dev", "staging", "prod"), min_length=1)
    maximum_attempts: int = Field(default=1, ge=1)


def decide(facts: PromotionFacts, policy: PromotionPolicy) -> Plan | Nothing:
    """Choose what should serve and say how to get there."""
    wanted = desired(facts.packages)
    if wanted is None:
        return Nothing(why=f"None of {len(facts.packages)} packages is approved with passed gates.")
    after = {stage: facts.serving.get(stage) for stage in policy.stages}
    if all(arn == wanted.arn for arn in after.values()):
        return Nothing(why=f"Version {wanted.version} serves in {', '.join(policy.stages)}.")
    failures = _failures(facts, wanted)
    plan = Plan(
        package_arn=wanted.arn,
        version=wanted.version,
        model_sha256=wanted.model_sha256,
        stages=policy.stages,
        after=after,
        number=facts.finished_releases + 1,
        attempt=failures + 1,
        reason=_reason(facts.packages, wanted, after),
    )
    return _obstacle(facts, policy, plan) or plan


def desired(packages: tuple[PackageFact, ...]) -> PackageFact | None:
    """Give the newest package that both locks let through."""
    releasable = [package for package in packages if package.releasable]
    return max(releasable, key=lambda package: package.version, default=None)


def _failures(facts: PromotionFacts, wanted: PackageFact) -> int:
    failed = facts.last_failed
    return failed.attempts if failed and failed.package_arn == wanted.arn else 0


def _obstacle(facts: PromotionFacts, policy: PromotionPolicy, plan: Plan) -> Nothing | None:
    # A release in flight moves what serves, stage by stage, so its own digest cannot be seen again
    # until it has ended: any release in flight holds the next.
    if facts.in_flight is not None:
        return Nothing(
            why=f"The release {facts.in_flight[:12]} is in flight; version {plan.version} is "
            "decided on when it has ended."
        )
    if plan.attempt > policy.maximum_attempts and not facts.requested:
        return Nothing(
            why=f"The release of version {plan.version} failed {plan.attempt - 1} time(s), and "
            f"{policy.maximum_attempts} may be tried unasked; mend the cause and ask for it again."
        )
    return None


def _reason(
    packages: tuple[PackageFact, ...], wanted: PackageFact, after: dict[str, str | None]
) -> str:
    versions = {package.arn: package.version for package in packages}
    serving = [versions.get(arn, 0) for arn in after.values() if arn and arn != wanted.arn]
    if not serving:
        return f"Version {wanted.version} is approved and does not serve in every stage yet."
    if max(serving) > wanted.version:
        return f"Version {max(serving)} is no longer approved: back to version {wanted.version}."
    return f"Version {wanted.version} is approved and replaces version {max(serving)}."
