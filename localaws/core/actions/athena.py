"""Athena: workgroups, and the workgroups of queries.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
What a query reads and writes is asked of Glue and S3 in its caller's name, by those services.
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all, on, on_arn

_OF_QUERY = "GetQueryExecution GetQueryResults GetQueryRuntimeStatistics StopQueryExecution"


def _of_query(asked: Asked) -> list[Need]:
    return [_query(asked, str(asked.parameters["QueryExecutionId"]))]


def _of_queries(asked: Asked) -> list[Need]:
    return [_query(asked, each) for each in asked.parameters["QueryExecutionIds"]]


def _query(asked: Asked, query_id: str) -> Need:
    workgroup = asked.look.query_workgroup(asked.account_id, asked.region, query_id)
    return Need(f"athena:{asked.operation}", asked.arn("athena", f"workgroup/{workgroup}"))


_IN_WORKGROUP = on("athena", "workgroup/{WorkGroup}", WorkGroup="primary")
_IN_CATALOG = on("athena", "datacatalog/{CatalogName}")

TABLE: dict[str, Rule] = {
    **for_all(_OF_QUERY, _of_query),
    "BatchGetQueryExecution": _of_queries,
    **for_all(
        "StartQueryExecution ListQueryExecutions GetWorkGroup UpdateWorkGroup DeleteWorkGroup",
        _IN_WORKGROUP,
    ),
    "CreateWorkGroup": on("athena", "workgroup/{Name}"),
    **for_all("GetDatabase ListDatabases GetTableMetadata ListTableMetadata", _IN_CATALOG),
    "GetDataCatalog": on("athena", "datacatalog/{Name}"),
    "ListDataCatalogs": anywhere("athena:ListDataCatalogs"),
    "ListWorkGroups": anywhere("athena:ListWorkGroups"),
    **for_all("TagResource UntagResource ListTagsForResource", on_arn("athena", "ResourceARN")),
}
