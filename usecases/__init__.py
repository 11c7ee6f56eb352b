"""What each model promises: one folder per use case, and the code that reads it.."""
