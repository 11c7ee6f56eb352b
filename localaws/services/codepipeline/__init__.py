"""Embedded CodePipeline: executions that really carry artifacts through stages and actions."""
