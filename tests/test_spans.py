"""Spans: an existing GenAI span is annotated before it ends, none is doubled, and our own is made only where none
is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from otel_refusals.testing import Reply, StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

CLAUDE = ARGUMENTS["messages"]
CHAT = ARGUMENTS["chat"]
REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply
REFUSED_STREAM = fixture("anthropic/stream_refusal_mid_text.sse").reply
CHAT_REFUSED = fixture("openai/chat_refusal.json").reply
CHAT_COMPLETED = fixture("openai/chat_completed.json").reply
BLOCKED_STREAM = fixture("anthropic/stream_error_output_blocked.sse").reply


def test_the_anthropic_sdks_own_span_is_annotated(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """One span, the SDK's, with what it lacks; its status is not ours to touch."""
    vendor.queue(REFUSED)
    claude.messages.create(**CLAUDE)

    (span,) = recorded.spans
    assert "com.anthropic.sdk.python" == span.instrumentation_scope.name
    assert StatusCode.OK is span.status.status_code
    assert ("refusal",) == span.attributes["gen_ai.response.finish_reasons"]
    assert ("refused", "cyber", "cyber", "pre_output", "classifier", "refusal", 0) == tuple(
        span.attributes[f"refusal.{name}"]
        for name in ("outcome", "category", "raw_category", "stage", "source", "signal", "discarded.output_tokens")
    )


def _read(stream: Any) -> None:
    with stream as events:
        for _ in events:
            pass


@pytest.mark.parametrize(
    "call",
    [
        lambda client: _read(client.messages.create(**CLAUDE, stream=True)),
        lambda client: _read(client.messages.stream(**CLAUDE)),
        lambda client: _read(client.messages.with_raw_response.create(**CLAUDE, stream=True).parse()),
        lambda client: _read(client.beta.messages.create(**CLAUDE, stream=True)),
    ],
    ids=["stream", "helper", "raw", "beta"],
)
def test_the_span_of_a_stream_is_annotated_before_it_ends(
    call: Callable[[Any], None], recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """It lives as long as the stream."""
    vendor.queue(REFUSED_STREAM)
    call(claude)

    assert ("refused", "bio", 23) == tuple(
        recorded.span[name] for name in ("refusal.outcome", "refusal.category", "refusal.discarded.output_tokens")
    )


def test_the_span_of_a_stream_that_is_left_says_incomplete(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Closed, or dropped."""
    for leave in (lambda stream: stream.close(), lambda stream: None):
        vendor.queue(REFUSED_STREAM)
        stream = claude.messages.create(**CLAUDE, stream=True)
        next(stream)
        leave(stream)
        del stream

    assert ["incomplete", "incomplete"] == [span.attributes["refusal.outcome"] for span in recorded.spans]


def test_a_decline_that_arrives_as_an_error_is_on_the_span(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """HTTP 400, and an error inside a stream: the SDK calls it an error, we say what it was."""
    vendor.queue(fixture("anthropic/error_400_output_blocked.json").reply, BLOCKED_STREAM)
    with pytest.raises(anthropic.BadRequestError):
        claude.messages.create(**CLAUDE)
    with pytest.raises(anthropic.APIStatusError):
        list(claude.messages.create(**CLAUDE, stream=True))

    assert ["refused", "refused"] == [span.attributes["refusal.outcome"] for span in recorded.spans]
    assert [StatusCode.ERROR] * 2 == [span.status.status_code for span in recorded.spans]


@pytest.mark.parametrize(
    "marks",
    [
        {"gen_ai.operation.name": "chat"},
        {"openinference.span.kind": "LLM"},
        {"llm.request.type": "chat"},
    ],
    ids=["semantic conventions", "OpenInference", "OpenLLMetry"],
)
def test_the_span_of_another_package_is_annotated(
    marks: dict[str, str], recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """Whatever dialect it speaks; its own attributes stay."""
    vendor.queue(CHAT_REFUSED)
    outer = {**marks, "gen_ai.response.id": "theirs"}
    with trace.get_tracer("other").start_as_current_span("chat theirs", attributes=outer):
        gpt.chat.completions.create(**CHAT)

    assert "refused" == recorded.span["refusal.outcome"]
    assert "theirs" == recorded.span["gen_ai.response.id"]
    assert "gpt-5.5" == recorded.span["gen_ai.response.model"]


def test_tokens_are_written_on_the_span_of_a_stream_at_its_end(
    recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """A refusal that turns out to follow content has no known number: none may stand there from before."""
    deltas: list[dict[str, Any]] = [{"refusal": "I "}, {"content": "Well"}, {"refusal": "can't"}]
    chunks = [{"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    vendor.queue(Reply([f"data: {json.dumps(c)}\n\n".encode() for c in chunks], content_type="text/event-stream"))
    with trace.get_tracer("other").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as outer:
        stream = gpt.chat.completions.create(**CHAT, stream=True)
        next(stream)
        assert "refused" == outer.attributes["refusal.outcome"]
        list(stream)

    assert "mid_stream" == recorded.span["refusal.stage"]
    assert "refusal.discarded.output_tokens" not in recorded.span


@pytest.mark.parametrize("marks", [{}, {"gen_ai.operation.name": "invoke_agent"}], ids=["web", "agent"])
def test_a_span_that_is_not_the_calls_is_left_alone(
    marks: dict[str, str], recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """An own CLIENT span is made below it, with the call's true times, and status unset."""
    vendor.queue(CHAT_REFUSED)
    with trace.get_tracer("app").start_as_current_span("outer", attributes=marks):
        gpt.chat.completions.create(**CHAT)

    own, outer = recorded.spans
    assert ("chat asked-model", SpanKind.CLIENT, StatusCode.UNSET) == (own.name, own.kind, own.status.status_code)
    assert "otel_refusals" == own.instrumentation_scope.name
    assert outer.context.span_id == own.parent.span_id
    assert outer.start_time < own.start_time < own.end_time < outer.end_time
    assert not [name for name in outer.attributes if name.startswith("refusal.")]


@pytest.mark.parametrize(("policy", "spans"), [("auto", 2), ("all", 4), ("off", 0)])
def test_the_span_policy_says_what_gets_an_own_span(
    policy: str, spans: int, instrument: Callable[..., Recorded], gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """`auto`: refused, rescued and unknown; `all`: every operation; `off`: none."""
    recorded = instrument(spans=policy)
    vendor.queue(
        CHAT_COMPLETED, CHAT_REFUSED, fixture("openai/chat_unknown_finish_reason.json").reply, Reply(b"{}", 500)
    )
    for _ in range(3):
        gpt.chat.completions.create(**CHAT)
    with pytest.raises(openai.InternalServerError):
        gpt.chat.completions.create(**CHAT)

    assert spans == len(recorded.spans)
    assert 4 == sum(recorded.outcomes.values())
    errors = [span.attributes.get("error.type") for span in recorded.spans if "error.type" in span.attributes]
    assert (["InternalServerError"] if policy == "all" else []) == errors


def test_a_refusal_never_sets_an_error(recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer) -> None:
    """It is a success: status unset, no `error.type`."""
    vendor.queue(CHAT_REFUSED)
    gpt.chat.completions.create(**CHAT)

    assert "error.type" not in recorded.span
    assert StatusCode.UNSET is recorded.spans[0].status.status_code


def test_native_tracing_switched_off_gives_an_own_span(recorded: Recorded, vendor: StubServer) -> None:
    """Then nobody else makes one."""
    vendor.queue(REFUSED)
    with anthropic.Anthropic(base_url=vendor.url, api_key="key", open_telemetry=False) as client:
        client.messages.create(**CLAUDE)

    assert "otel_refusals" == recorded.spans[0].instrumentation_scope.name


def test_a_native_span_that_is_not_sampled_is_not_replaced(recorded: Recorded, vendor: StubServer) -> None:
    """The call has a span; that it does not record is the application's choice. It is counted all the same."""
    vendor.queue(REFUSED)
    silent = TracerProvider(sampler=ALWAYS_OFF)
    with anthropic.Anthropic(base_url=vendor.url, api_key="key", open_telemetry={"tracer_provider": silent}) as client:
        client.messages.create(**CLAUDE)

    assert [] == recorded.spans
    assert {"refused": 1} == recorded.outcomes


def test_every_hop_of_a_chain_is_on_the_span(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Two declines: the last one decides, the count and all raw categories are there."""
    vendor.queue(fixture("anthropic/beta_fallback_exhausted.json").reply)
    claude.beta.messages.create(**CLAUDE)

    assert (2, "bio,cyber", "cyber") == (
        recorded.span["refusal.count"],
        recorded.span["refusal.raw_category"],
        recorded.span["refusal.category"],
    )


def test_a_rescued_operation_says_by_whom(recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer) -> None:
    """The model that answered."""
    vendor.queue(fixture("anthropic/beta_fallback_served.json").reply)
    claude.beta.messages.create(**CLAUDE)

    assert ("rescued", "claude-opus-4-8") == (recorded.span["refusal.outcome"], recorded.span["refusal.rescued_by"])
