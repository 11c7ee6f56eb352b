"""What exists: Dagster assets and asset checks, one module per stage of a model's life.

A module gathers facts through `resources`, asks `decisions`, and acts. Which use cases there are,
jobs, schedules and sensors do not belong here.
"""
