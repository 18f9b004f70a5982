"""Every way of being refused, through the real SDK: no key, no network. Run with `pytest examples/testing`.

The tests of `silent` fail in every way but one. Point `SUMMARISE` at `careful` to see them pass:

    SUMMARISE=careful pytest examples/testing
"""

from __future__ import annotations

import os

import anthropic
import pytest
import summaries

from otel_refusals.testing import RefusalRecorder, Scenario, inject

SUMMARISE: summaries.Summarise = getattr(summaries, os.environ.get("SUMMARISE", "silent"))
EXPECTED = {"refused": "declined", "rescued": "done", "unknown": "unclear"}


@pytest.fixture
def client() -> anthropic.Anthropic:
    """The application's own client, as in production."""
    return anthropic.Anthropic(api_key="none is needed", max_retries=0)


@pytest.mark.refusals(vendor="anthropic")
def test_a_document_that_was_refused_is_never_done(refusal_scenario: Scenario, client: anthropic.Anthropic) -> None:
    """Once per way of being refused: before output, in the middle of a text or a tool call, rescued, and so on."""
    summary = SUMMARISE(client, "The report of the audit.")

    assert summary.status == EXPECTED[refusal_scenario.outcome]
    if summary.status != "done":
        assert not summary.findings


def test_a_refusal_in_the_middle_is_seen_with_what_it_cost(
    refusals: RefusalRecorder, client: anthropic.Anthropic
) -> None:
    """The telemetry that production would have: category, stage, and the output that was thrown away."""
    with inject("anthropic", stage="mid_stream", category="cyber", after_tokens=40):
        SUMMARISE(client, "The report of the audit.")

    refusals.assert_one(category="cyber", stage="mid_stream", discarded_output_tokens=40)


def test_a_second_attempt_can_succeed(client: anthropic.Anthropic) -> None:
    """The first call is refused, the next one answered."""
    with inject("anthropic", times=1, others="answer"):
        first, second = (SUMMARISE(client, "The report of the audit.") for _ in range(2))

    assert first.status != "done"
    assert second.status == "done"
