"""Reading Trino SQL, and refusing what Athena would refuse. Translating it is translation.py's.

DuckDB and sqlglot accept more than Athena does. What Athena does not know is refused, so that SQL
which works here has a fair chance to work there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import TokenType

from localaws.services.athena.failures import (
    Place,
    not_performed,
    place_of,
    syntax_error,
)
from localaws.services.athena.functions import REFUSED_FUNCTIONS, TRINO_FUNCTIONS

if TYPE_CHECKING:
    from sqlglot.tokens import Token

_TRINO = sqlglot.Dialect.get_or_raise("trino")


def tokenize(sql: str) -> list[Token]:
    """Return a statement's tokens.

    Raises:
        QueryFailedError: A quote or comment does not end.
    """
    try:
        return list(_TRINO.tokenize(sql))
    except TokenError as error:
        raise syntax_error(str(error)) from error


def parse(sql: str, tokens: list[Token] | None = None) -> exp.Expression:
    """Parse one Trino statement, whose tokens may be known already.

    Raises:
        QueryFailedError: It is not one, with the place where reading stopped.
    """
    tokens = tokenize(sql) if tokens is None else tokens
    casts = [token for token in tokens if token.token_type == TokenType.DCOLON]
    if casts:
        raise syntax_error(
            "mismatched input '::'. Athena casts with CAST(x AS type)",
            place_of(sql, casts[0].start),
        )
    try:
        found = _TRINO.parser().parse(tokens, sql)
    except ParseError as error:
        first = error.errors[0]
        raise syntax_error(
            f"mismatched input '{first['highlight']}'. {first['description'].split(' <Token')[0]}",
            Place(first["line"], max(first["col"] - len(first["highlight"]) + 1, 1)),
        ) from error
    if len(found) != 1 or found[0] is None:
        raise syntax_error("expected exactly one statement")
    return found[0]


def check(expression: exp.Expression, sql: str) -> None:
    """Refuse what DuckDB or sqlglot would let pass but Athena would not, or not in the same sense.

    Raises:
        QueryFailedError: The query uses such a construct.
    """
    for node in expression.walk():
        if isinstance(node, _UNKNOWN):
            raise syntax_error(f"Athena knows no {type(node).__name__.upper()}")
        _check_details(node)
        if isinstance(node, exp.Func):
            _check_function(node, sql)


_UNKNOWN = (exp.Qualify, exp.ILike, exp.Pivot, exp.Glob)


def _check_details(node: exp.Expression) -> None:
    if isinstance(node, exp.Star) and any(node.args.get(arg) for arg in ("except_", "replace")):
        raise syntax_error("Athena knows no SELECT * EXCEPT or REPLACE")
    if isinstance(node, exp.Join) and (node.method or node.kind in {"SEMI", "ANTI"}):
        raise syntax_error(f"Athena knows no {node.method or node.kind} JOIN")
    if isinstance(node, exp.Group) and node.args.get("all"):
        raise syntax_error("Athena knows no GROUP BY ALL")
    if isinstance(node, exp.Version) and (
        node.args["kind"] != "AS OF" or node.name not in {"TIMESTAMP", "VERSION"}
    ):
        raise syntax_error("Athena travels FOR TIMESTAMP AS OF or FOR VERSION AS OF")
    if isinstance(node, exp.MatchRecognize):
        raise not_performed("MATCH_RECOGNIZE")
    if isinstance(node, exp.ApproxQuantile) and node.args.get("weight"):
        raise not_performed("approx_percentile with weights or an accuracy")
    if isinstance(node, exp.Unnest) and len(node.expressions) > 1:
        raise not_performed("UNNEST of several arrays")


def _check_function(node: exp.Func, sql: str) -> None:
    start, end = node.meta.get("start"), node.meta.get("end")
    if start is None or end is None:
        return  # sqlglot knew it by a form of its own, hence it is Trino's
    name = sql[start : end + 1].strip('"').lower()
    if name in REFUSED_FUNCTIONS:
        raise not_performed(f"the function {name}")
    if name not in TRINO_FUNCTIONS:
        raise syntax_error(f"Function '{name}' not registered", place_of(sql, start))
