"""Processing and training jobs, really run as subprocesses."""
