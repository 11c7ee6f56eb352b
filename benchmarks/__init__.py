"""What the project's promises about time are measured with. No test asserts these numbers."""
