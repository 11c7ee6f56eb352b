"""Prepared statements: kept for each workgroup, by API or SQL. Running queries is provider.py's.

https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlglot.tokens import TokenType

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.core.store import DuplicateKeyError
from localaws.services.athena import dialect
from localaws.services.athena.failures import QueryFailedError
from localaws.services.athena.workgroups import PAGING, invalid, work_group_key

_NAME = r"([a-zA-Z_][a-zA-Z0-9_@:]{0,255})"
_PREPARE = re.compile(rf"\s*PREPARE\s+{_NAME}\s+FROM\s+(.+)", re.IGNORECASE | re.DOTALL)
_EXECUTE = re.compile(
    rf"\s*EXECUTE\s+{_NAME}(?:\s+USING\s+(.+?))?\s*;?\s*", re.IGNORECASE | re.DOTALL
)
_MOST_BYTES = 262_144
"""https://docs.aws.amazon.com/athena/latest/ug/service-limits.html"""
_DEALLOCATE = re.compile(rf"\s*DEALLOCATE\s+PREPARE\s+{_NAME}\s*;?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preparation:
    """PREPARE, or DEALLOCATE PREPARE when there is no ``query``."""

    name: str
    query: str | None = None
    statement_type: str = "DDL"

    @property
    def substatement(self) -> str:
        """Return SubstatementType."""
        return "PREPARE" if self.query else "DEALLOCATE_PREPARE"


def read_preparation(sql: str) -> Preparation | None:
    """Read PREPARE or DEALLOCATE PREPARE; None if the statement is neither."""
    if found := _PREPARE.fullmatch(sql):
        return Preparation(found[1], found[2].rstrip().rstrip(";"))
    if found := _DEALLOCATE.fullmatch(sql):
        return Preparation(found[1])
    return None


def read_execution(sql: str) -> tuple[str, list[str]] | None:
    """Read EXECUTE: the name, and the values after USING; None if the statement is another."""
    found = _EXECUTE.fullmatch(sql)
    return (found[1], _split(found[2] or "")) if found else None


def _split(values: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for token in dialect.tokenize(values):
        depth += token.token_type in {TokenType.L_PAREN, TokenType.L_BRACKET}
        depth -= token.token_type in {TokenType.R_PAREN, TokenType.R_BRACKET}
        if token.token_type == TokenType.COMMA and depth == 0:
            parts.append(values[start : token.start].strip())
            start = token.end + 1
    return [*parts, values[start:].strip()] if values else []


class PreparedStatements(Provider):
    """The operations on prepared statements."""

    def create_prepared_statement(self, call: Call, request: Document) -> Document:
        """Keep a statement.

        Raises:
            ServiceError: InvalidRequestException: there is one of that name.
        """
        self._work_group(call, request["WorkGroup"])
        try:
            self._statements().insert(_key(call, request), self._prepared(request))
        except DuplicateKeyError:
            raise invalid(
                f"Prepared statement {request['StatementName']} already exists in WorkGroup "
                f"{request['WorkGroup']}"
            ) from None
        return {}

    def update_prepared_statement(self, call: Call, request: Document) -> Document:
        """Replace a statement."""
        self._prepared_statement(call, request)
        self._statements().put(_key(call, request), self._prepared(request))
        return {}

    def get_prepared_statement(self, call: Call, request: Document) -> Document:
        """Return a statement."""
        return {"PreparedStatement": self._prepared_statement(call, request)}

    def batch_get_prepared_statement(self, call: Call, request: Document) -> Document:
        """Return several statements; unknown names are listed, not raised."""
        found, unknown = [], []
        for name in request["PreparedStatementNames"]:
            try:
                found.append(self._prepared_statement(call, request | {"StatementName": name}))
            except ServiceError as error:
                unknown.append({"StatementName": name, "ErrorCode": "STATEMENT_NOT_FOUND",
                                "ErrorMessage": error.message})  # fmt: skip
        return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": unknown}

    def list_prepared_statements(self, call: Call, request: Document) -> Document:
        """List a workgroup's statements by name."""
        self._work_group(call, request["WorkGroup"])
        found = [item for _, item in self._statements().scan(_prefix(call, request["WorkGroup"]))]
        page, more = PAGING.page(
            found, request, key=lambda item: str(item["StatementName"]), default=50
        )
        shown = [{key: item[key] for key in ("StatementName", "LastModifiedTime")}
                 for item in page]  # fmt: skip
        return {"PreparedStatements": shown} | more

    def delete_prepared_statement(self, call: Call, request: Document) -> Document:
        """Forget a statement."""
        self._prepared_statement(call, request)
        self._statements().delete(_key(call, request))
        return {}

    def _prepare(self, record: Document, preparation: Preparation) -> None:
        """Perform PREPARE or DEALLOCATE PREPARE for a query.

        Raises:
            QueryFailedError: What should be forgotten is not there.
        """
        named = {"WorkGroup": record["workgroup"], "StatementName": preparation.name}
        key = f"{record['account']}/{record['region']}/{record['workgroup']}/{preparation.name}"
        if preparation.query:
            kept = self._prepared(named | {"QueryStatement": preparation.query})
            self._statements().put(key, kept)
        elif self._statements().get(key) is None:
            raise QueryFailedError(f"NOT_FOUND: Prepared statement not found: {preparation.name}")
        else:
            self._statements().delete(key)

    def _filled(self, call: Call, workgroup: str, request: Document) -> tuple[str, list[str]]:
        """Return the text to run and its parameters; of EXECUTE, those of what was prepared."""
        given = list(request.get("ExecutionParameters", ()))
        _refuse_long(request["QueryString"])
        execution = read_execution(request["QueryString"])
        if execution is None:
            return request["QueryString"], given
        name, values = execution
        found = self._statements().get(_prefix(call, workgroup) + name)
        if found is None:
            raise invalid(f"PreparedStatement {name} was not found in workGroup {workgroup}")
        return found["QueryStatement"], [*values, *given]

    def _prepared(self, request: Document) -> Document:
        return {
            "StatementName": request["StatementName"], "WorkGroupName": request["WorkGroup"],
            "QueryStatement": request["QueryStatement"],
            "Description": request.get("Description", ""), "LastModifiedTime": self.context.now(),
        }  # fmt: skip

    def _prepared_statement(self, call: Call, request: Document) -> Document:
        self._work_group(call, request["WorkGroup"])
        found: Document | None = self._statements().get(_key(call, request))
        if found is None:
            raise ServiceError(
                "ResourceNotFoundException",
                f"PreparedStatement {request['StatementName']} was not found in workGroup "
                f"{request['WorkGroup']}",
            )
        return found

    def _statements(self) -> Any:
        return self.context.store.table("athena/prepared")

    def _work_group(self, call: Call, name: str) -> Document:
        raise NotImplementedError  # WorkGroups' part of the provider


def _refuse_long(text: str) -> None:
    if len(text.encode()) > _MOST_BYTES:
        raise invalid(
            "1 validation error detected: Value at 'queryString' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MOST_BYTES}"
        )


def _prefix(call: Call, workgroup: str) -> str:
    return work_group_key(call, workgroup) + "/"


def _key(call: Call, request: Document) -> str:
    return _prefix(call, request["WorkGroup"]) + str(request["StatementName"])
