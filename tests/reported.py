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
        assert fixture.category == recorded.span["refusal.category"]
        assert fixture.raw_category == recorded.span.get("refusal.raw_category")
        assert fixture.stage == recorded.span["refusal.stage"]
        assert fixture.discarded_output_tokens == recorded.span.get("refusal.discarded.output_tokens")
