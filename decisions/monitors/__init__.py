"""The monitors beside data drift and labelled quality: measurements in, MonitorReport out; pure.

One module per monitor, each with its policy and `judge`. `measured.py` has what the monitor step
measures; `intervals.py` the confidence intervals; `persistence.py` turns windows into one verdict.
Measuring rows belongs to pipelines/steps, drift of single columns to decisions/drift.
"""
