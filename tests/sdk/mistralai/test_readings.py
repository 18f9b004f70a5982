"""Every Mistral fixture, through the real SDK, by every method that can get it: one report, and the right one."""

from __future__ import annotations

from contextlib import suppress

import pytest

from otel_refusals.testing import StubServer
from tests.fixtures import FIXTURES, Fixture, fixture
from tests.reported import assert_reported
from tests.sdk.mistralai.driver import CALLS, GUARDRAILS, TELLS_THE_BODY, Way, client, ways
from tests.telemetry import Recorded

_NEEDS_A_BODY = {
    "mistral/chat_content_filter_thinking_only.json",
    "mistral/chat_content_filter_no_usage.json",
    "mistral/chat_stream_content_filter_thinking_only.sse",
}
"""What early versions cannot decode; their exception does not hold what the vendor sent, so it is only an error."""

_CASES = [
    pytest.param(fixture, way, id=f"{fixture.path} by {way.name}")
    for fixture in FIXTURES
    for way in ways(fixture)
    if fixture.path != "mistral/error_403_guardrail.json" and (TELLS_THE_BODY or fixture.path not in _NEEDS_A_BODY)
]


_NAMES = ("gen_ai.operation.name", "gen_ai.provider.name")


@pytest.mark.parametrize(("fixture", "way"), _CASES)
def test_the_sdk_call_is_reported_once_as_the_manifest_says(
    fixture: Fixture, way: Way, recorded: Recorded, vendor: StubServer
) -> None:
    """Whole or streamed, sync or async."""
    vendor.queue(fixture.reply)
    with suppress(Exception):  # the SDK raises for error statuses, and for what it cannot decode
        way(vendor.url)

    assert_reported(fixture, recorded)
    operation = "text_completion" if way.resource == "fim" else "chat"
    assert {(operation, "mistral_ai"): 1} == recorded.sums("refusal.client.operations", *_NAMES)


_BLOCKED = fixture("mistral/error_403_guardrail.json")
_GUARDED = [way for way in ways(_BLOCKED) if way.takes("guardrails")]


@pytest.mark.parametrize("way", _GUARDED, ids=lambda way: way.name)
@pytest.mark.parametrize("path", ["mistral/error_403_guardrail.json", "mistral/error_403_forbidden.json"])
def test_a_403_is_a_refusal_when_the_request_asked_for_guardrails(
    path: str, way: Way, recorded: Recorded, vendor: StubServer
) -> None:
    """Whatever its body says: no type of the SDK describes it."""
    vendor.queue(fixture(path).reply)
    with pytest.raises(Exception, match="403"):
        way(vendor.url, guardrails=GUARDRAILS)

    assert_reported(_BLOCKED, recorded)


@pytest.mark.parametrize("surface", sorted(CALLS))
def test_a_403_is_an_error_when_the_request_asked_for_none(
    surface: str, recorded: Recorded, vendor: StubServer
) -> None:
    """Then it says that the key may not do this, even where it speaks of guardrails."""
    for way in ways(_BLOCKED_AT[surface]):
        if "agent_id" not in way.arguments and "conversation_id" not in way.arguments:
            vendor.queue(_BLOCKED.reply)
            with pytest.raises(Exception, match="403"):
                way(vendor.url)

    assert {"error"} >= recorded.outcomes.keys()
    assert {"SDKError"} >= recorded.sums("refusal.client.operations", "error.type").keys()


_BLOCKED_AT = {
    surface: next(found for found in FIXTURES if found.surface == surface and not found.streamed) for surface in CALLS
}


def test_where_guardrails_may_be_configured_elsewhere_the_body_tells(recorded: Recorded, vendor: StubServer) -> None:
    """An agent has guardrails of its own."""
    for path in ("mistral/error_403_guardrail.json", "mistral/error_403_forbidden.json"):
        vendor.queue(fixture(path).reply)
        with client(vendor.url) as mistral, pytest.raises(Exception, match="403"):
            mistral.agents.complete(agent_id="agent_1", messages=[{"role": "user", "content": "Please."}])

    assert {"refused": 1, "error": 1} == recorded.outcomes
