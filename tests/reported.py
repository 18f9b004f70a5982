"""What a call must have been reported as."""

from __future__ import annotations

from tests.fixtures import Fixture
from tests.telemetry import Recorded


def assert_reported(fixture: Fixture, recorded: Recorded) -> None:
    """One operation, with the refusals, the labels and the span of the fixture's row in the manifest."""
    assert {fixture.outcome: 1} == recorded.outcomes
    declines = recorded.points("refusal.client.refusals")
    assert fixture.refusals == sum(point.value for point in declines)
    if fixture.refusals:
        labels = ("refusal.category", "refusal.stage", "refusal.source")
        deciding = (fixture.category, fixture.stage, fixture.source)
        assert deciding in recorded.sums("refusal.client.refusals", *labels)
        # An SDK may have made other spans, of its requests.
        (span,) = [found.attributes for found in recorded.spans if "refusal.outcome" in (found.attributes or {})]
        assert fixture.category == span["refusal.category"]
        assert fixture.raw_category == span.get("refusal.raw_category")
        assert fixture.stage == span["refusal.stage"]
        assert fixture.discarded_output_tokens == span.get("refusal.discarded.output_tokens")
