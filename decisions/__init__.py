"""Facts in, verdict out. No I/O, no clock, no Dagster, no AWS: every verdict can be replayed."""
