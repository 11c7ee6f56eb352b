"""SageMaker Pipelines: definitions, executions, and the executor that runs their steps."""
