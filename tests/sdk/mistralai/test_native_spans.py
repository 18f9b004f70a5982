"""The SDK's own spans: annotated before they end, and never a second one beside them."""

from __future__ import annotations

import pytest
from opentelemetry import trace

from otel_refusals.testing import StubServer
from tests.fixtures import fixture
from tests.sdk.mistralai.driver import GUARDRAILS, Way, ways
from tests.telemetry import Recorded

tracing = pytest.importorskip("mistralai.extra.observability.otel", reason="this mistralai makes no spans")

PATHS = [
    "mistral/chat_content_filter_unlisted.json",
    "mistral/chat_stop.json",
    "mistral/chat_brand_new.json",
    "mistral/chat_stream_content_filter_mid.sse",
    "mistral/conversation_done.json",
    "mistral/fim_stop.json",
    "mistral/fim_stream_stop.sse",
]
if not hasattr(tracing.TracedResponse, "_finalize_span"):
    pytest.skip("the spans of this mistralai say nothing of GenAI", allow_module_level=True)

CASES = [pytest.param(path, way, id=f"{path} by {way.name}") for path in PATHS for way in ways(fixture(path))]


@pytest.fixture(autouse=True)
def _native_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opted in for the global provider; the versions that have no such switch follow the global provider always."""
    monkeypatch.setenv("MISTRAL_SDK_TELEMETRY", "global")
    assert not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@pytest.mark.parametrize(("path", "way"), CASES)
def test_the_span_of_the_sdk_carries_the_outcome(path: str, way: Way, recorded: Recorded, vendor: StubServer) -> None:
    """One span of the call, the SDK's, with outcome and tokens."""
    vendor.queue(fixture(path).reply)
    way(vendor.url)

    expected = fixture(path)
    (span,) = [span for span in recorded.spans if "refusal.outcome" in (span.attributes or {})]
    assert "mistralai_sdk_tracer" == span.instrumentation_scope.name
    assert expected.outcome == span.attributes["refusal.outcome"]
    assert expected.category == span.attributes.get("refusal.category")
    assert expected.discarded_output_tokens == span.attributes.get("refusal.discarded.output_tokens")
    assert {expected.outcome: 1} == recorded.outcomes
    assert "otel_refusals" not in {span.instrumentation_scope.name for span in recorded.spans}


@pytest.mark.parametrize(
    "way",
    [way for path in PATHS[1:4:2] for way in ways(fixture(path)) if way.resource == "chat" and way.takes("guardrails")],
    ids=lambda way: way.name,
)
def test_a_403_of_a_guardrail_is_on_the_span_of_the_sdk(way: Way, recorded: Recorded, vendor: StubServer) -> None:
    """A refusal on a span that the SDK calls an error: its status is its own."""
    vendor.queue(fixture("mistral/error_403_guardrail.json").reply)
    with pytest.raises(Exception, match="403"):
        way(vendor.url, guardrails=GUARDRAILS)

    assert "guardrail" == recorded.span["refusal.category"]
    assert "mistralai_sdk_tracer" == recorded.spans[0].instrumentation_scope.name
    assert {"refused": 1} == recorded.outcomes


def test_an_error_is_counted_by_the_exception_that_the_sdk_raises(recorded: Recorded, vendor: StubServer) -> None:
    """As it is without the SDK's telemetry."""
    for way in ways(fixture("mistral/chat_stop.json")):
        vendor.queue(fixture("mistral/error_400_invalid.json").reply)
        with pytest.raises(Exception, match="400"):
            way(vendor.url)

    assert {"SDKError": 4} == recorded.sums("refusal.client.operations", "error.type")


def test_a_stream_that_is_left_says_so_on_the_span(recorded: Recorded, vendor: StubServer) -> None:
    """Written when the response is closed, which ends the SDK's span."""
    from tests.sdk.mistralai.driver import MESSAGES, client

    vendor.queue(fixture("mistral/chat_stream_content_filter_mid.sse").reply)
    with client(vendor.url) as mistral, mistral.chat.stream(model="asked-model", messages=MESSAGES) as stream:
        next(stream)

    assert {"incomplete": 1} == recorded.outcomes
    assert "incomplete" == recorded.span["refusal.outcome"]
