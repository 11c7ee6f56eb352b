"""A fault plan read: what each field may hold. YAML itself belongs to ``nodes``."""

from __future__ import annotations

import dataclasses
import fnmatch
from typing import TYPE_CHECKING, Any, get_args

from localaws.core.faults.answers import known_codes
from localaws.core.faults.nodes import Field, PlanError, parse_yaml
from localaws.core.faults.partial import partial_operations
from localaws.core.faults.plan import Effect, Kind, Plan, Rule
from localaws.core.routing import service_model

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_SECONDS = 600
_RULE_FIELDS = frozenset(field.name for field in dataclasses.fields(Rule))
#: The options of each kind of effect, the needed ones first.
_OPTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "throttle": (frozenset(), frozenset()),
    "error": (frozenset({"code"}), frozenset({"message"})),
    "timeout": (frozenset({"seconds"}), frozenset()),
    "delay": (frozenset({"seconds"}), frozenset()),
    "drop_before": (frozenset(), frozenset()),
    "lose_response": (frozenset(), frozenset()),
    "server_error": (frozenset(), frozenset({"status", "performed"})),
    "expire_credentials": (frozenset(), frozenset()),
    "stale": (frozenset(), frozenset({"seconds", "calls", "code"})),
    "partial": (frozenset(), frozenset({"fraction"})),
}
_STALE_SECONDS = 5.0


def read_file(path: Path) -> Plan:
    """Read a plan from a file.

    Raises:
        PlanError: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(
            f"{path}:1: plan: expected a readable UTF-8 file, found: {error}. Check --faults."
        ) from error
    return read_plan(text, str(path))


def read_plan(text: str, source: str) -> Plan:
    """Read a plan.

    Args:
        text: YAML or JSON.
        source: What to call it in messages.

    Raises:
        PlanError: The first thing that is wrong, with file, line and field.
    """
    fields = parse_yaml(text, source).mapping({"seed", "rules"})
    if "rules" not in fields:
        raise PlanError(f"{source}:1: plan: expected the field rules, found none. Add a list.")
    rules = tuple(_rule(field, n) for n, field in enumerate(fields["rules"].items(), start=1))
    names = [rule.name for rule in rules]
    for field, rule in zip(fields["rules"].items(), rules, strict=True):
        if names.count(rule.name) > 1:
            field.fail(f"names that differ, not {rule.name!r} twice", "Rename one.")
    seed = fields["seed"].integer(least=0) if "seed" in fields else 0
    return Plan(rules, seed, text, source)


def _rule(field: Field, number: int) -> Rule:
    given = field.mapping(_RULE_FIELDS)
    if "effect" not in given:
        field.fail("an effect", f"Add effect: one of {', '.join(get_args(Kind))}.")
    values: dict[str, Any] = {"name": f"rule-{number}", "effect": _effect(given["effect"])}
    for name in ("name", "service", "operation", "account", "caller", "resource"):
        if name in given:
            values[name] = given[name].text()
    for name in ("first", "every", "limit"):
        if name in given:
            values[name] = given[name].integer()
    for name in ("after", "until"):
        if name in given:
            values[name] = given[name].number(0, 86_400)
    values |= _other(given)
    rule = Rule(**values)
    _check_names(given, rule)
    return rule


def _other(given: dict[str, Field]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "parameters" in given:
        members = given["parameters"].mapping(None)
        values["parameters"] = tuple((name, each.text()) for name, each in members.items())
    if "internal" in given:
        values["internal"] = given["internal"].truth()
    if "count_by" in given:
        values["count_by"] = given["count_by"].one_of(("order", "request"))
    if "calls" in given:
        values["calls"] = tuple(each.integer() for each in given["calls"].items())
    if "probability" in given:
        values["probability"] = given["probability"].number(0, 1)
    return values


def _effect(field: Field) -> Effect:
    given = {"kind": field} if field.is_scalar else field.mapping(_ALL_OPTIONS)
    if "kind" not in given:
        field.fail("a kind", f"Add kind: one of {', '.join(_OPTIONS)}.")
    kind = given["kind"].one_of(tuple(_OPTIONS))
    needed, optional = _OPTIONS[kind]
    for name, each in given.items():
        if name not in needed | optional | {"kind"}:
            each.fail(f"no field {name} for {kind}", "Remove it.")
    if not needed <= given.keys():
        field.fail(f"{', '.join(needed)} for {kind}", "Add it: effect: {kind: ..., ...}.")
    return Effect(kind=kind, **_options(kind, given))  # type: ignore[arg-type] # one of Kind


def _options(kind: str, given: dict[str, Field]) -> dict[str, Any]:
    values: dict[str, Any] = {"seconds": _STALE_SECONDS} if kind == "stale" else {}
    if "seconds" in given:
        values["seconds"] = given["seconds"].number(0, _LONGEST_SECONDS)
    if "calls" in given:
        values["calls"] = given["calls"].integer()
    for name in ("code", "message"):
        if name in given:
            values[name] = given[name].text()
    if "status" in given:
        values["status"] = int(given["status"].one_of(("500", "503")))
    if "performed" in given:
        values["performed"] = given["performed"].truth()
    if "fraction" in given:
        values["fraction"] = given["fraction"].number(0, 1)
    return values


_ALL_OPTIONS = frozenset({"kind"}).union(*(needed | more for needed, more in _OPTIONS.values()))


def _check_names(given: dict[str, Field], rule: Rule) -> None:
    """Refuse names that botocore's models do not have: such a rule would silently do nothing."""
    model = None if _is_glob(rule.service) else service_model(rule.service)
    if model is None and not _is_glob(rule.service):
        given["service"].fail("a service as boto3 names it", "boto3.client(...)'s name is meant.")
    if model is not None and not fnmatch.filter(model.operation_names, rule.operation):
        given["operation"].fail(f"an operation of {rule.service}", "For example DescribeEndpoint.")
    if rule.effect.kind == "error":
        _check_code(given, rule, model)
    if rule.effect.kind == "partial" and not partial_operations(rule.service, rule.operation):
        known = ", ".join(":".join(pair) for pair in partial_operations("*", "*"))
        given["effect"].fail(f"partial only for {known}", "Name one of them.")


def _check_code(given: dict[str, Field], rule: Rule, model: Any) -> None:
    if model is None:
        given["effect"].fail("an exact service beside an error", "Add service: ...")
    known = known_codes(model, rule.operation)
    if rule.effect.code not in known:
        given["effect"].fail(
            f"a code that {rule.service}:{rule.operation} can answer, "
            f"not {rule.effect.code!r}; that is one of {', '.join(sorted(known))}"
        )


def _is_glob(text: str) -> bool:
    return any(character in text for character in "*?[")
