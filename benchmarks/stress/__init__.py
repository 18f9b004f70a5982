"""Manners under stress: many operations at once, left in every way, counted against what was sent.

`python -m benchmarks.stress` is the long run; the tests in `tests/stress` take a slice of it.
"""
