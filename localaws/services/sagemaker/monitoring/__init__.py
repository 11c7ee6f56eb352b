"""Model Monitor's schedules that run once, with a container command of the caller's own."""
