"""Under and over the official botocore instrumentation: one GenAI span for one call, annotated before it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import botocore.client
import pytest

import otel_refusals
from tests.fixtures import Fixture, fixture
from tests.sdk.botocore.calls import CONVERSE, CONVERSE_STREAM, GUARDRAIL, INVOKE, INVOKE_STREAM, stream_of
from tests.telemetry import Recorded

official = pytest.importorskip("opentelemetry.instrumentation.botocore")

CASES = {
    CONVERSE: fixture("bedrock/converse_guardrail_output_topic.json"),
    CONVERSE_STREAM: fixture("bedrock/converse_stream_guardrail_output.events.jsonl"),
    INVOKE: fixture("bedrock/invoke_claude_refusal_mid_output.json"),
    INVOKE_STREAM: fixture("bedrock/invoke_stream_claude_refusal_mid_text.events.jsonl"),
}


@pytest.fixture(params=["ours first", "theirs first"])
def both(request: pytest.FixtureRequest, instrument: Callable[..., Recorded]) -> Iterator[Recorded]:
    """Both instrumentations, in either order, and off in the other."""
    theirs = official.BotocoreInstrumentor()
    plain = {name: vars(botocore.client.BaseClient)[name] for name in ("_make_api_call", "_make_request")}
    if request.param == "ours first":
        recorded = instrument()
        theirs.instrument(tracer_provider=recorded.tracer_provider)
        yield recorded
        otel_refusals.uninstrument()
        theirs.uninstrument()
    else:
        recorded = instrument()
        otel_refusals.uninstrument()
        theirs.instrument(tracer_provider=recorded.tracer_provider)
        recorded = instrument()
        yield recorded
        theirs.uninstrument()
        otel_refusals.uninstrument()
    assert plain == {name: vars(botocore.client.BaseClient)[name] for name in plain}


def read(surface: str, response: Any) -> None:
    """Read the answer to its end, as an application does."""
    if surface == INVOKE:
        response["body"].read()
    elif surface != CONVERSE:
        with closing(stream_of(response)) as stream:
            for _ in stream:
                pass


@pytest.mark.parametrize("surface", CASES)
def test_the_span_of_the_official_instrumentation_is_annotated(
    surface: str, both: Recorded, call: Callable[..., Any]
) -> None:
    """And no other is made."""
    case: Fixture = CASES[surface]
    read(surface, call(surface, case.reply))

    (span,) = both.spans
    assert "opentelemetry.instrumentation.botocore.bedrock-runtime" == span.instrumentation_scope.name
    assert ("refused", case.category, case.stage, case.source, case.discarded_output_tokens) == tuple(
        both.span[f"refusal.{name}"] for name in ("outcome", "category", "stage", "source", "discarded.output_tokens")
    )
    assert {"refused": 1} == both.outcomes


def test_masking_in_a_stream_leaves_no_trace_of_a_refusal(both: Recorded, call: Callable[..., Any]) -> None:
    """The stop reason says that the guardrail intervened; the trace after it, that the answer stands."""
    masked = fixture("bedrock/converse_stream_guardrail_masked.events.jsonl")
    read(CONVERSE_STREAM, call(CONVERSE_STREAM, masked.reply))

    assert "completed" == both.span["refusal.outcome"]
    assert "refusal.category" not in both.span


def test_a_stream_left_at_its_stop_reason_is_annotated(both: Recorded, call: Callable[..., Any]) -> None:
    """The wrapper of theirs ends its span when the caller closes it; ours is written before."""
    with closing(stream_of(call(CONVERSE_STREAM, CASES[CONVERSE_STREAM].reply))) as stream:
        for event in stream:
            if "messageStop" in event:
                break

    assert ("refused", "guardrail") == (both.span["refusal.outcome"], both.span["refusal.category"])


def test_a_span_that_is_no_genai_call_is_left_alone(both: Recorded, call: Callable[..., Any]) -> None:
    """Theirs of ApplyGuardrail is one of a remote procedure: the refusal gets its own."""
    call(GUARDRAIL, fixture("bedrock/apply_guardrail_blocked.json").reply)

    assert [{"refused"}, set()] == [
        {value for name, value in (span.attributes or {}).items() if name == "refusal.outcome"} for span in both.spans
    ]
