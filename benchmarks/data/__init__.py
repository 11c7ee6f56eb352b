"""Benchmarks of the data side: one module a subject, each with measure() and section()."""
