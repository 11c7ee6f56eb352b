"""What runs inside AWS, complete without Dagster: training templates, step scripts, releases."""
