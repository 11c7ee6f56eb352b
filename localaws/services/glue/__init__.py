"""Glue's catalogue: what moto performs too leniently, done as AWS does it."""
