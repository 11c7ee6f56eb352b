"""What kind of statement a query string is. Nothing is executed or looked up here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokens import TokenType

from localaws.services.athena import dialect
from localaws.services.athena.failures import QueryFailedError, syntax_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.tokens import Token

_DML = {"SELECT": "query", "WITH": "query", "VALUES": "query", "(": "query", "TABLE": "query",
        "INSERT": "insert", "DELETE": "change", "UPDATE": "change", "MERGE": "change"}  # fmt: skip
_OTHERS = {"CREATE", "DROP", "ALTER", "MSCK", "SHOW", "DESCRIBE", "DESC", "EXPLAIN",
           "VACUUM", "OPTIMIZE", "PREPARE", "EXECUTE", "DEALLOCATE",
           "TRUNCATE"}  # fmt: skip
_UNLOAD = re.compile(
    r"^\s*UNLOAD\s*\((?P<query>.*)\)\s*TO\s*'(?P<location>[^']+)'\s*(?:WITH\s*\((?P<with>.*)\))?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_OPTION = re.compile(
    r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|ARRAY\s*\[[^\]]*\]|\w+)\s*(?:,|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, by what must be done for it.

    Attributes:
        kind: ``query``, ``ctas``, ``insert``, ``change``, ``unload``, ``view`` or ``ddl``.
        statement_type: What GetQueryExecution calls it: DML, DDL or UTILITY.
        substatement: SubstatementType.
        text: The statement's text, parameters filled in.
        expression: Its tree; None for DDL, which ddl.py reads from the text.
        location: Where UNLOAD writes.
        options: UNLOAD's WITH options.
    """

    kind: str
    statement_type: str
    substatement: str
    text: str
    expression: exp.Expression | None = None
    location: str = ""
    options: tuple[tuple[str, str], ...] = ()


def read(sql: str, parameters: Sequence[str] = ()) -> Statement:
    """Fill in the parameters, classify and parse one statement.

    Raises:
        QueryFailedError: It cannot be parsed, is several, or the parameters do not fit.
    """
    text = fill(sql, parameters) if parameters or "?" in sql else sql
    text, tokens = _single(text)
    words = [token.text.upper() for token in tokens[:8]]
    if words[0] == "UNLOAD":
        return _unload(text)
    if kind := _DML.get(words[0]):
        substatement = "SELECT" if kind == "query" else words[0]
        return Statement(kind, "DML", substatement, text, _checked(text, tokens))
    if words[:2] == ["CREATE", "TABLE"] and _has_properties(tokens):
        return Statement("ddl", "DDL", "CREATE_TABLE", text)
    if words[:2] == ["CREATE", "TABLE"] and "EXTERNAL" not in words:
        return _ctas(text, tokens)
    if words[:2] == ["CREATE", "VIEW"] or words[:4] == ["CREATE", "OR", "REPLACE", "VIEW"]:
        return Statement("view", "DDL", "CREATE_VIEW", text, _checked(text, tokens))
    return _other(text, words)


def fill(sql: str, parameters: Sequence[str]) -> str:
    """Put ExecutionParameters in the place of the question marks.

    Raises:
        QueryFailedError: Their number differs, or one is no constant.
    """
    tokens = dialect.tokenize(sql)
    marks = [token for token in tokens if token.token_type == TokenType.PLACEHOLDER]
    if len(marks) != len(parameters):
        raise QueryFailedError(
            "INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: "
            f"expected {len(marks)} but found {len(parameters)}"
        )
    for token, value in reversed(list(zip(marks, parameters, strict=True))):
        _check_constant(value)
        sql = sql[: token.start] + value + sql[token.end + 1 :]
    return sql


def _check_constant(value: str) -> None:
    parsed = dialect.parse(value)
    if parsed.find(exp.Column, exp.Query, exp.Command, exp.Create, exp.Insert):
        raise QueryFailedError(
            f"INVALID_PARAMETER_USAGE: Execution parameter {value} is no constant. "
            "A string needs its own single quotes"
        )


def _single(sql: str) -> tuple[str, list[Token]]:
    tokens = dialect.tokenize(sql)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        sql = sql[: tokens.pop().start]
    if not tokens:
        raise syntax_error("mismatched input '<EOF>'. Expecting a statement")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise QueryFailedError(f"Only one sql statement is allowed. Got: {sql}")
    return sql, tokens


def _checked(text: str, tokens: list[Token] | None = None) -> exp.Expression:
    expression = dialect.parse(text, tokens)
    dialect.check(expression, text)
    return expression


def _other(text: str, words: list[str]) -> Statement:
    if words[0] not in _OTHERS:
        raise syntax_error(f"mismatched input '{words[0]}'. Expecting a statement")
    utility = words[0] in {"SHOW", "DESCRIBE", "DESC", "EXPLAIN"}
    name = "_".join(words[:2]) if words[0] not in {"DESCRIBE", "DESC", "EXPLAIN"} else words[0]
    return Statement("ddl", "UTILITY" if utility else "DDL", name, text)


def _has_properties(tokens: list[Token]) -> bool:
    """Tell Hive's CREATE TABLE, which Iceberg tables are made with, from Trino's CTAS."""
    return any(token.text.upper() == "TBLPROPERTIES" for token in tokens)


def _ctas(text: str, tokens: list[Token]) -> Statement:
    expression = _checked(text, tokens)
    if not isinstance(expression, exp.Create) or expression.expression is None:
        raise syntax_error("CREATE TABLE needs AS SELECT ..., or EXTERNAL and a LOCATION")
    return Statement("ctas", "DDL", "CREATE_TABLE_AS_SELECT", text, expression)


def _unload(text: str) -> Statement:
    found = _UNLOAD.match(text)
    if not found:
        raise syntax_error("expected UNLOAD (query) TO 's3://...' WITH (format = '...')")
    options = tuple(
        (name.lower(), value.strip("'")) for name, value in _OPTION.findall(found["with"] or "")
    )
    expression = _checked(found["query"])
    return Statement(
        "unload", "DML", "UNLOAD", found["query"], expression, found["location"], options
    )
