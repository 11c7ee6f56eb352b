"""SageMaker, performed: jobs, pipelines, registry, endpoints. One module per family of operations.

`provider.py` composes them; nothing else belongs in this file.
"""
