r"""Regular expressions that every engine reads alike: Athena's, DuckDB's RE2 and Python's `re`.

A pattern is parsed here and written anew with explicit character classes, because the engines
differ in what `.`, `\w`, `\d`, `\s`, `$` and nested brackets mean. What cannot be written alike is
refused. A pattern always describes the whole value.
"""

from __future__ import annotations

import re

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\r\f\v"}
_CONTROLS = "tnrfv"
_SPECIAL = frozenset(r"\.^$|?*+()[]{}-&~#/'\"" + " ,:;<>=!@%_`")
"""Characters that a backslash may stand before, to mean themselves."""
_MUST_ESCAPE = frozenset(r"^${}[]*+?|()")
_MOST_REPEATS = 1000
"""RE2's limit."""


class PatternError(ValueError):
    """A pattern that the engines would not read alike.

    Attributes:
        problem: What was found.
        expected: What may stand there instead.
    """

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(f"{problem}; expected {expected}")
        self.problem = problem
        self.expected = expected


def portable(pattern: str) -> str:
    r"""Write a pattern so that every engine reads it alike, without anchors.

    Allowed: literals, `.` (all but newline), classes such as `[A-Z0-9_]` and `[^x]`, `\d \w \s`
    (ASCII) and their opposites outside brackets, `(...)`, `(?:...)`, `|`, `? * + {m} {m,n}`, and a
    backslash before punctuation.

    Raises:
        PatternError: If the pattern uses anything else.
    """
    written = _Reader(pattern).read()
    try:
        re.compile(written)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"the pattern is malformed: {error}", "a regular expression") from error
    return written


class _Reader:
    """One pattern, read from left to right."""

    def __init__(self, pattern: str) -> None:
        self._rest = list(reversed(pattern))

    def read(self) -> str:
        written = self._alternatives()
        if self._rest:
            raise PatternError("a ) without (", r"\) for the character itself")
        return written

    def _alternatives(self) -> str:
        branches = [self._sequence()]
        while self._next_is("|"):
            self._take()
            branches.append(self._sequence())
        return "|".join(branches)

    def _sequence(self) -> str:
        parts = []
        while self._rest and not self._next_is("|") and not self._next_is(")"):
            parts.append(self._atom() + self._quantifier())
        return "".join(parts)

    def _atom(self) -> str:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return self._brackets()
        if character == ".":
            return r"[^\n]"
        if character == "\\":
            return self._escape()
        if character in _MUST_ESCAPE:
            raise PatternError(
                f"a bare {character}",
                rf"\{character} for the character itself; the pattern describes the whole value, "
                "so it needs no anchors",
            )
        return re.escape(character)

    def _group(self) -> str:
        if self._next_is("?"):
            self._take()
            if not self._next_is(":"):
                raise PatternError("a group that begins with (?", "(...) or (?:...)")
            self._take()
        inner = self._alternatives()
        if not self._next_is(")"):
            raise PatternError("a ( without )", "a closed group")
        self._take()
        return f"(?:{inner})"

    def _escape(self) -> str:
        character = self._take()
        if character.lower() in _CLASSES:
            negated = "^" if character.isupper() else ""
            return f"[{negated}{_CLASSES[character.lower()]}]"
        return self._literal_escape(character)

    def _literal_escape(self, character: str) -> str:
        if character in _CONTROLS:
            return f"\\{character}"
        if character in _SPECIAL:
            return re.escape(character)
        raise PatternError(
            f"the escape \\{character}", r"\d \w \s \t \n \r or a backslash before punctuation"
        )

    def _brackets(self) -> str:
        negated = self._next_is("^")
        if negated:
            self._take()
        parts = []
        while not self._next_is("]"):
            parts.append(self._member())
        self._take()
        if not parts:
            raise PatternError("an empty []", "at least one character between the brackets")
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _member(self) -> str:
        first = self._take()
        if first == "\\" and self._rest and self._rest[-1] in _CLASSES:
            return _CLASSES[self._take()]
        low = self._bracket_character(first)
        if not self._next_is("-") or self._rest[-2:-1] == ["]"]:
            return _in_brackets(low)
        self._take()
        high = self._bracket_character(self._take())
        if low > high:
            raise PatternError(f"the range {low}-{high}", "the lower character first")
        return f"{_in_brackets(low)}-{_in_brackets(high)}"

    def _bracket_character(self, character: str) -> str:
        if character in "[&":
            raise PatternError(f"a bare {character} in brackets", rf"\{character}")
        if character != "\\":
            return character
        escaped = self._take()
        if escaped in _CONTROLS:
            return {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}[escaped]
        if escaped in _SPECIAL:
            return escaped
        raise PatternError(f"the escape \\{escaped} in brackets", r"\d \w \s or punctuation")

    def _quantifier(self) -> str:
        if not self._rest or self._rest[-1] not in "?*+{":
            return ""
        written = self._take()
        if written == "{":
            written = self._braces()
        if self._rest and self._rest[-1] in "?*+{":
            raise PatternError(
                f"{self._rest[-1]} after {written}", "one quantifier; greed changes no verdict"
            )
        return written

    def _braces(self) -> str:
        inner = ""
        while not self._next_is("}"):
            inner += self._take()
        self._take()
        if not re.fullmatch("[0-9]{1,4}(,[0-9]{0,4})?", inner):
            raise PatternError(f"the quantifier {{{inner}}}", "{m}, {m,} or {m,n}")
        if any(int(bound) > _MOST_REPEATS for bound in inner.split(",") if bound):
            raise PatternError(f"the quantifier {{{inner}}}", f"at most {_MOST_REPEATS}")
        return f"{{{inner}}}"

    def _next_is(self, character: str) -> bool:
        return bool(self._rest) and self._rest[-1] == character

    def _take(self) -> str:
        if not self._rest:
            raise PatternError("the pattern ends too early", "a complete regular expression")
        return self._rest.pop()


def _in_brackets(character: str) -> str:
    shown = {"\t": r"\t", "\n": r"\n", "\r": r"\r", "\f": r"\f", "\v": r"\v"}
    if character in shown:
        return shown[character]
    return f"\\{character}" if character in r"\]^-[&~|" else character
