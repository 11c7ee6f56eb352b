"""SageMaker Pipeline templates: from a request to a definition, and the code bundle they run.

Importing this package is cheap. Only `binary` imports the sagemaker SDK, and only `compile` imports
`binary`, in a process of its own.
"""
