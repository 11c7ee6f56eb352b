"""Measurements, run by one command: `python -m benchmarks NAME`. Nothing here is a test."""
