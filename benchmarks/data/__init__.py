"""Benchmarks of how data becomes a training set, one module per question."""
