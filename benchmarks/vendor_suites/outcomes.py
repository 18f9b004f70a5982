"""What became of the tests of a run, and which of them the instrumentation broke.

The law of this module: a test is broken only if it passes plain and fails instrumented, twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

Outcomes = dict[str, str]
"""`passed`, `skipped` or the message of the failure, by test."""


def read(lines: Iterable[str]) -> Outcomes:
    """The outcomes that `instrumented.Outcomes` wrote: a test that any part of failed, failed."""
    outcomes: Outcomes = {}
    for line in lines:
        part = json.loads(line)
        outcome = part["outcome"]
        if outcome == FAILED:
            outcome = part["message"] or FAILED
        if outcomes.get(part["test"], PASSED) == PASSED:
            outcomes[part["test"]] = outcome
    return outcomes


def failures(outcomes: Mapping[str, str]) -> set[str]:
    """The tests that neither passed nor were skipped."""
    return {test for test, outcome in outcomes.items() if outcome not in {PASSED, SKIPPED}}


def lost(plain: Mapping[str, str], instrumented: Mapping[str, str]) -> set[str]:
    """The tests that pass plain and do not pass instrumented: failed, skipped or not there."""
    return {test for test, outcome in plain.items() if outcome == PASSED and instrumented.get(test) != PASSED}


def broken(suspects: Iterable[str], again: Callable[[str, list[str]], Outcomes], mode: str) -> Outcomes:
    """What instrumentation in `mode` broke among `suspects`, with the messages.

    Args:
        suspects: Tests that failed instrumented once.
        again: Runs tests: `again("plain", tests)`.
        mode: How to instrument.
    """
    tests = sorted(suspects)
    if not tests:
        return {}
    plain = again("plain", tests)
    instrumented = again(mode, [test for test in tests if plain.get(test) == PASSED])
    return {test: instrumented.get(test, "did not run") for test in sorted(lost(plain, instrumented))}
