"""What goes wrong with an Iceberg table, in Athena's words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from localaws.services.athena.failures import QueryFailedError, not_performed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.services.athena.catalog import TableInfo

_IN_S3 = {"GetObject", "HeadObject", "PutObject", "DeleteObject", "DeleteObjects"}


@contextmanager
def explained(database: str, table: str) -> Iterator[None]:
    """Have what pyiceberg and S3 raise raised as the reason Athena would give.

    Raises:
        QueryFailedError: Instead of theirs.
    """
    from pyiceberg import exceptions

    try:
        yield
    except (exceptions.CommitFailedException, exceptions.ValidationException) as error:
        raise QueryFailedError(
            f"ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table: {table}: {error}"
        ) from error
    except exceptions.ValidationError as error:
        raise QueryFailedError(f"FAILED: SemanticException {error}") from error
    except exceptions.TableAlreadyExistsError as error:
        raise QueryFailedError(
            f"TABLE_ALREADY_EXISTS: line 1:1: Table 'awsdatacatalog.{database}.{table}' already "
            "exists"
        ) from error
    except (exceptions.NoSuchPropertyException, exceptions.NoSuchIcebergTableError) as error:
        raise QueryFailedError(f"ICEBERG_INVALID_METADATA: {error}") from error
    except exceptions.NoSuchTableError as error:
        raise QueryFailedError(
            f"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{database}.{table}' does not exist"
        ) from error
    except FileNotFoundError as error:
        raise QueryFailedError(
            f"ICEBERG_MISSING_METADATA: Metadata not found in metadata location for table "
            f"{database}.{table}: {error}"
        ) from error
    except NotImplementedError as error:
        raise not_performed(f"this on Iceberg tables ({error})") from error
    except ClientError as error:
        failure = error.response["Error"]
        if error.operation_name not in _IN_S3:
            raise
        raise QueryFailedError(
            f"ICEBERG_FILESYSTEM_ERROR: {error.operation_name} of a file of {database}.{table}: "
            f"{failure['Code']}: {failure['Message']}"
        ) from error


def in_iceberg(table: TableInfo) -> bool:
    """Tell whether a table is an Iceberg table."""
    return table.file_format == "iceberg"
