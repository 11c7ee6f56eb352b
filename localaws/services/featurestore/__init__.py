"""Feature Store at run time: an online store in SQLite, an offline store of Parquet in S3."""
