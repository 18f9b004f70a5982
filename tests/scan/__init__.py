"""The scan for code that drops refusals."""
