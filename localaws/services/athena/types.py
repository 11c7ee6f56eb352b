"""One table of type names: Glue (Hive), Athena (Trino), DuckDB. No values are converted here."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localaws.services.athena.failures import QueryFailedError

_ATHENA = {
    "boolean": "boolean", "tinyint": "tinyint", "smallint": "smallint", "integer": "integer",
    "bigint": "bigint", "hugeint": "bigint", "utinyint": "smallint", "usmallint": "integer",
    "uinteger": "bigint", "ubigint": "bigint", "uhugeint": "bigint", "float": "float",
    "double": "double", "varchar": "varchar", "date": "date", "time": "time",
    "timestamp": "timestamp", "timestamp_s": "timestamp", "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp", "timestamp with time zone": "timestamp with time zone",
    "blob": "varbinary", "decimal": "decimal", "list": "array", "array": "array",
    "struct": "row", "map": "map", "interval": "interval day to second", "json": "json",
    "uuid": "varchar", '"null"': "unknown", "null": "unknown",
}  # fmt: skip

_GLUE = {"integer": "int", "varchar": "string", "varbinary": "binary", "unknown": "string",
         "json": "string", "time": "string"}  # fmt: skip

_HIVE_DECIMAL = (10, 0)

_PRECISION = {
    "boolean": (0, 0), "tinyint": (3, 0), "smallint": (5, 0), "integer": (10, 0),
    "bigint": (19, 0), "float": (17, 0), "double": (17, 0), "varchar": (2147483647, 0),
    "date": (0, 0), "timestamp": (3, 0), "timestamp with time zone": (3, 0),
}  # fmt: skip


def athena_type(duckdb_type: Any) -> str:
    """Return the name GetQueryResults gives the type of a DuckDB result column."""
    return _ATHENA.get(_base(duckdb_type), "varchar")


def column_info(name: str, duckdb_type: Any) -> dict[str, Any]:
    """Return the ColumnInfo of a result column."""
    kind = athena_type(duckdb_type)
    precision, scale = _PRECISION.get(kind, (0, 0))
    if kind == "decimal":
        precision, scale = (int(value) for _, value in duckdb_type.children)
    return {
        "CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name,
        "Type": kind, "Precision": precision, "Scale": scale, "Nullable": "UNKNOWN",
        "CaseSensitive": kind == "varchar",
    }  # fmt: skip


def glue_type(duckdb_type: Any) -> str:
    """Return the Glue type a CTAS gives a column of this DuckDB type."""
    kind = athena_type(duckdb_type)
    if kind == "decimal":
        precision, scale = (int(value) for _, value in duckdb_type.children)
        return f"decimal({precision},{scale})"
    if kind == "array":
        return f"array<{glue_type(duckdb_type.children[0][1])}>"
    if kind == "map":
        return "map<{}>".format(",".join(glue_type(child) for _, child in duckdb_type.children))
    if kind == "row":
        return "struct<{}>".format(
            ",".join(f"{name}:{glue_type(child)}" for name, child in duckdb_type.children)
        )
    if kind == "timestamp with time zone":
        raise QueryFailedError(
            "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone. "
            "Cast the column to timestamp"
        )
    if kind.startswith("interval"):
        raise QueryFailedError(f"NOT_SUPPORTED: Unsupported Hive type: {kind}")
    return _GLUE.get(kind, kind)


def duckdb_type(glue: str) -> str:
    """Return DuckDB's name of a Glue column type.

    Raises:
        QueryFailedError: The type is none that Hive knows.
    """
    try:
        built = exp.DataType.build(glue, dialect="hive")
        return str(with_precision(built, _HIVE_DECIMAL).sql("duckdb"))
    except Exception as error:
        raise QueryFailedError(f"HIVE_INVALID_METADATA: Unknown column type '{glue}'") from error


def with_precision(kind: exp.DataType, precision: tuple[int, int]) -> exp.DataType:
    """Give every DECIMAL without one its dialect's precision; DuckDB's would be (18, 3)."""
    kind = kind.copy()
    for part in kind.find_all(exp.DataType):
        if part.this == exp.DataType.Type.DECIMAL and not part.expressions:
            digits, scale = precision
            filled = exp.DataType.build(f"DECIMAL({digits},{scale})").expressions
            part.set("expressions", filled)
    return kind


def family(glue: str) -> str:
    """Return the family within which Trino coerces on INSERT."""
    base = glue.lower().split("(")[0].split("<")[0]
    if base in {"tinyint", "smallint", "int", "integer", "bigint", "float", "double", "real",
                "decimal"}:  # fmt: skip
        return "number"
    return "text" if base in {"string", "varchar", "char"} else base


def _base(duckdb_type: Any) -> str:
    if str(duckdb_type) == "JSON":  # to DuckDB a VARCHAR by another name
        return "json"
    kind = str(getattr(duckdb_type, "id", duckdb_type)).lower()
    return str(duckdb_type).lower() if kind not in _ATHENA else kind
