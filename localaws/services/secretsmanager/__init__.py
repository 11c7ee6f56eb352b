"""Secrets Manager: what moto performs too leniently, done as AWS does it."""
