"""Every wire fixture, through the real SDK, in every way that a caller can read the answer: one report, and the right
one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from otel_refusals.testing import StubServer
from tests.drivers import WAYS, Way
from tests.fixtures import FIXTURES, Fixture
from tests.telemetry import Recorded

_CASES = [
    pytest.param(fixture, way, id=f"{fixture.path} by {way.name}")
    for way in WAYS
    for fixture in FIXTURES
    if way.fits(fixture)
]


@pytest.mark.parametrize(("fixture", "way"), _CASES)
def test_the_sdk_call_is_reported_once_as_the_manifest_says(
    fixture: Fixture,
    way: Way,
    recorded: Recorded,
    vendor: StubServer,
    errors_of_sdk: Callable[[], suppress],
) -> None:
    """However the answer is read, sync or async, whole or streamed, raw or by a helper."""
    vendor.queue(fixture.reply)
    # The SDKs raise for error statuses and error events, and their helpers for some refusals.
    with errors_of_sdk(), suppress(RuntimeError, AssertionError):
        way(fixture.surface, vendor.url)

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
