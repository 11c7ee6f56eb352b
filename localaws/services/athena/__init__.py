"""Athena, really executed: Trino SQL over the Glue catalogue and S3, run by DuckDB."""
