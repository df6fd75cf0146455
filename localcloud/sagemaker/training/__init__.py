"""Training jobs in script mode."""
