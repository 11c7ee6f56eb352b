"""Benchmarks of data and features, each beside its peers in the same run."""
