"""Every Cohere fixture, through the real SDK, by every method that can get it: one report, and the right one."""

from __future__ import annotations

from contextlib import suppress

import pytest

from otel_refusals.testing import StubServer
from tests.fixtures import FIXTURES, Fixture
from tests.reported import assert_reported
from tests.sdk.cohere.driver import Way, ways
from tests.telemetry import Recorded

_CASES = [
    pytest.param(fixture, way, id=f"{fixture.path} by {way.name}") for fixture in FIXTURES for way in ways(fixture)
]
_NAMES = ("gen_ai.operation.name", "gen_ai.provider.name")


@pytest.mark.parametrize(("fixture", "way"), _CASES)
def test_the_sdk_call_is_reported_once_as_the_manifest_says(
    fixture: Fixture, way: Way, recorded: Recorded, vendor: StubServer
) -> None:
    """Whole or streamed, sync or async, parsed or raw, by the clients of v1 and v2."""
    vendor.queue(fixture.reply)
    with suppress(Exception):  # the SDK raises for error statuses
        way(vendor.url)

    assert_reported(fixture, recorded)
    operation = "text_completion" if "generate" in way.method else "chat"
    assert {(operation, "cohere"): 1} == recorded.sums("refusal.client.operations", *_NAMES)
