r"""Text with wildcards and policy variables: ``arn:aws:s3:::home/${aws:username}/*``.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
What is compared with what does not belong here.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localaws.core.policy.context import Context

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WITH_DEFAULT = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*")
_SPECIAL = frozenset("*?$")
#: An ARN is six components; only the last may hold colons of its own.
ARN_COMPONENTS = 6


class NotUnderstoodError(Exception):
    """A policy says something that cannot be judged; it must never allow."""


class AbsentVariableError(Exception):
    """A policy variable has no value in this request, and no default: nothing matches."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself, wildcards included."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """``${key}`` or ``${key, 'default'}``."""

    key: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A policy's text, taken apart; plain strings in ``parts`` may hold wildcards."""

    parts: tuple[str | Literal | Variable, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same for every request."""
        return not any(isinstance(part, Variable) for part in self.parts)

    def filled(self, context: Context) -> Template:
        """Put the request's values in place of variables; wildcards in them mean themselves.

        Raises:
            AbsentVariableError: A variable has neither value nor default.
            NotUnderstoodError: A variable has several values.
            UnknownKeyError: Nobody here can tell a variable's value.
        """
        if self.is_fixed:
            return self
        return Template(
            tuple(
                Literal(_value(part, context)) if isinstance(part, Variable) else part
                for part in self.parts
            )
        )

    def text(self) -> str:
        """Return the text in which wildcards mean themselves. Variables must be filled."""
        return "".join(part.text if isinstance(part, Literal) else str(part) for part in self.parts)


@functools.lru_cache(maxsize=8192)
def template(text: str, *, variables: bool) -> Template:
    """Take a policy's text apart. Without ``variables`` (Version 2008-10-17) ``${`` is just text.

    Raises:
        NotUnderstoodError: A variable is not written as documented.
    """
    if not variables or "${" not in text:
        return Template((text,))
    parts: list[str | Literal | Variable] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts += [text[end : found.start()], _variable(found[1])]
        end = found.end()
    parts.append(text[end:])
    if any(isinstance(part, str) and "${" in part for part in parts):
        raise NotUnderstoodError(f"the policy variable in {text!r}")
    return Template(tuple(part for part in parts if part != ""))


def _variable(inner: str) -> Literal | Variable:
    if inner in _SPECIAL:
        return Literal(inner)
    with_default = _WITH_DEFAULT.fullmatch(inner)
    if with_default:
        return Variable(with_default[1], with_default[2])
    if not inner.strip() or "," in inner or "'" in inner:
        raise NotUnderstoodError(f"the policy variable ${{{inner}}}")
    return Variable(inner.strip(), None)


def _value(variable: Variable, context: Context) -> str:
    value = context.get(variable.key)
    if value is None:
        if variable.default is None:
            raise AbsentVariableError(variable.key)
        return variable.default
    if not isinstance(value, str):
        raise NotUnderstoodError(f"the policy variable {variable.key}, which has several values")
    return value


@functools.lru_cache(maxsize=8192)
def glob(pattern: Template, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Compile a template to what it matches as a whole: ``*`` is any text, ``?`` one character."""
    return re.compile(_expression(pattern, ".*"), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@functools.lru_cache(maxsize=8192)
def resource(pattern: Template) -> re.Pattern[str]:
    """Compile a Resource: within an ARN's component ``*`` stays in it, unless it ends it.

    A bare ``*`` is every resource. In the last component ``*`` is any text, colons included.
    """
    expression = ""
    components = 1
    parts = [
        (char, isinstance(part, str))
        for part in pattern.parts
        for char in (part if isinstance(part, str) else part.text)  # type: ignore[union-attr]
    ]
    for number, (char, wild) in enumerate(parts):
        if wild and char == "*":
            ends = number + 1 == len(parts) or parts[number + 1][0] == ":"
            expression += ".*" if ends or components >= ARN_COMPONENTS else "[^:]*"
        elif wild and char == "?":
            expression += "." if components >= ARN_COMPONENTS else "[^:]"
        else:
            components += char == ":"
            expression += re.escape(char)
    return re.compile(expression, re.DOTALL)


@functools.lru_cache(maxsize=8192)
def components(pattern: Template) -> tuple[re.Pattern[str], ...] | None:
    """Compile an ARN for the Arn operators: each component by itself; None if it is no ARN."""
    split: list[list[str | Literal]] = [[]]
    for part in pattern.parts:
        text = part if isinstance(part, str) else part.text  # type: ignore[union-attr]
        room = ARN_COMPONENTS - len(split)
        first, *rest = text.split(":", room) if room else [text]
        kind = str if isinstance(part, str) else Literal
        split[-1].append(kind(first))
        split += [[kind(each)] for each in rest]
    if len(split) != ARN_COMPONENTS:
        return None
    return tuple(glob(Template(tuple(each))) for each in split)


def _expression(pattern: Template, anything: str) -> str:
    return "".join(
        re.escape(part.text)
        if isinstance(part, Literal)
        else re.escape(str(part)).replace(r"\*", anything).replace(r"\?", ".")
        for part in pattern.parts
    )
