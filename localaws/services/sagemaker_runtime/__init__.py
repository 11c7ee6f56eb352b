"""SageMaker Runtime: invoking endpoints."""
