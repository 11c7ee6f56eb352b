"""The scripts that containers run: those of training, the monitor, and serving.

They import `decisions` and their own libraries, and learn every path from their arguments or from
SageMaker's environment. Nothing that starts, names or orders them belongs here.
"""
