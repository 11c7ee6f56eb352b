"""Amazon SageMaker Model Monitor's files: read, written, and compared as its analyzer compares.

shapes.py has their fields, files.py reads and writes them, kll.py turns a distribution into bins
and back, importing.py makes a baseline of them, exporting.py makes them of a baseline, rules.py is
how Model Monitor calls a drift, reporting.py what an execution means here. Fetching a file belongs
to resources.

Model Monitor is closed to new customers since 2026-07-30: nothing here depends on the service.
"""
