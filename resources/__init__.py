"""The doors to AWS. They know no use case and no Dagster graph; they decide nothing."""
