"""Fuzzing of everything that reads what a server sends: `make fuzz`, or `python -m tests.fuzz --help`."""
