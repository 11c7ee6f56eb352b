"""Iceberg tables in Glue and S3, by pyiceberg, for the services that read and write them.

The modules import pyiceberg, which takes 100 MiB that a server does without until the first such
table: import them where they are used. SQL is Athena's; nothing here reads or makes any.
"""
