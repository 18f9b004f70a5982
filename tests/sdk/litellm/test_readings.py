"""Every fixture that LiteLLM can transport, by every function that can get it: one report, and the right one.

LiteLLM maps what it gets to a few of OpenAI's finish reasons; what is reported is what the vendor said.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from otel_refusals.testing import StubServer
from tests.fixtures import FIXTURES, Fixture
from tests.reported import assert_reported
from tests.sdk.litellm.driver import Way, ways
from tests.telemetry import Recorded

_CONFIDENTIAL = {
    "bedrock/converse_guardrail_output_topic.json",
    "bedrock/converse_guardrail_regex.json",
    "bedrock/converse_stream_guardrail_output.events.jsonl",
}
"""What holds a name that the customer chose, which is not exported."""

_CASES = [
    pytest.param(
        replace(fixture, raw_category=None) if fixture.path in _CONFIDENTIAL else fixture,
        way,
        id=f"{fixture.path} by {way.name}",
    )
    for fixture in FIXTURES
    for way in ways(fixture)
    if fixture.path != "cohere/v2_chat_stream_cut.sse"  # LiteLLM raises at the names of Cohere's events
]

_NAMES = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")


@pytest.mark.parametrize(("fixture", "way"), _CASES)
def test_a_call_is_reported_once_as_the_vendor_answered(
    fixture: Fixture, way: Way, recorded: Recorded, vendor: StubServer
) -> None:
    """Whole or streamed, sync or async; beside the vendors' SDKs, which are instrumented as well."""
    vendor.queue(fixture.reply)
    with suppress(Exception):  # LiteLLM raises for error answers, and for what it cannot read
        way(vendor.url)

    assert_reported(fixture, recorded)
    operation = "text_completion" if way.route.function == "text_completion" else "chat"
    assert {(operation, way.route.provider, way.route.asked): 1} == recorded.sums("refusal.client.operations", *_NAMES)
