"""What is reported, name by name: counters, gauge, histogram, events, exemplars, bounded labels."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import otel_refusals
from otel_refusals import leftovers, names
from otel_refusals.labels import BoundedLabels
from otel_refusals.seen import Seen
from otel_refusals.testing import Reply, StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

CLAUDE = ARGUMENTS["messages"]
CHAT = ARGUMENTS["chat"]
REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply
UNKNOWN = fixture("anthropic/unknown_stop_reason.json").reply
COMPLETED = fixture("anthropic/completed_end_turn.json").reply


def stopped_by(stop_reason: str, model: str = "m") -> Reply:
    """A message with a stop reason of one's choice."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "usage": {}}
    return Reply(json.dumps({**message, "stop_reason": stop_reason}).encode())


def test_an_operation_carries_provider_operation_model_workload_and_outcome(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """The labels of the contract, and no other."""
    vendor.queue(COMPLETED)
    claude.messages.create(**CLAUDE)

    (point,) = [point for point in recorded.points("refusal.client.operations") if point.value]
    assert {
        "gen_ai.provider.name": "anthropic",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "asked-model",
        "refusal.workload": "unspecified",
        "refusal.outcome": "completed",
    } == point.attributes


def test_first_sight_gives_the_loud_outcomes_a_zero(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """So that the first real one is an increase, and not a new series."""
    vendor.queue(COMPLETED)
    claude.messages.create(**CLAUDE)

    zeros = {p.attributes["refusal.outcome"] for p in recorded.points("refusal.client.operations") if not p.value}
    assert {"refused", "rescued", "unknown"} == zeros


def test_a_refusal_carries_category_stage_and_source(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """And its tokens are counted by category and stage."""
    vendor.queue(fixture("anthropic/refusal_thinking_only.json").reply)
    claude.messages.create(**CLAUDE)

    (refusal,) = recorded.points("refusal.client.refusals")
    base = {
        "gen_ai.provider.name": "anthropic",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "asked-model",
        "refusal.workload": "unspecified",
    }
    kind = {"refusal.category": "cyber", "refusal.stage": "mid_stream"}
    assert {**base, **kind, "refusal.outcome": "refused", "refusal.source": "classifier"} == refusal.attributes
    (tokens,) = recorded.points("refusal.client.discarded.output_tokens")
    assert (67, {**base, **kind}) == (tokens.value, tokens.attributes)
    (tokens,) = recorded.points("refusal.client.discarded.input_tokens")
    assert tokens.value > 0
    (duration,) = recorded.points("refusal.client.time_to_refusal")
    assert {**base, "refusal.stage": "mid_stream"} == duration.attributes
    assert names.TIME_BUCKETS == tuple(duration.explicit_bounds)
    assert 0 < duration.sum < 10


def test_an_unknown_stop_reason_is_counted_dated_and_logged_once(
    instrument: Callable[..., Recorded],
    claude: anthropic.Anthropic,
    vendor: StubServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A counter, a gauge with the time, an event, and one warning per value and process."""
    recorded = instrument()
    vendor.queue(UNKNOWN, UNKNOWN)
    with caplog.at_level(logging.WARNING, "otel_refusals"):
        claude.messages.create(**CLAUDE)
        claude.messages.create(**CLAUDE)

    (seen,) = recorded.points("refusal.client.unknown_stop_reason.last_seen")
    assert {"brand_new_reason": 2} == recorded.sums("refusal.client.unknown_stop_reasons", "refusal.signal")
    assert {"gen_ai.provider.name", "gen_ai.request.model", "refusal.workload", "refusal.signal"} == set(
        seen.attributes
    )
    assert seen.value > 1.7e9
    assert ["refusal.unknown_stop_reason"] * 2 == [name for name, _ in recorded.events]
    assert ["WARN"] * 2 == [record.severity_text for record in recorded.log_records]
    assert 1 == len([record for record in caplog.records if "brand_new_reason" in record.message])


def test_a_refusal_is_an_event_with_its_own_time_and_the_span_of_the_call(
    recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """A log record with an event name, severity INFO, in the context of the span."""
    vendor.queue(fixture("openai/chat_refusal.json").reply)
    gpt.chat.completions.create(**CHAT)

    ((name, attributes),) = recorded.events
    (record,) = recorded.log_records
    (span,) = recorded.spans
    assert ("refusal.detected", "INFO") == (name, record.severity_text)
    assert span.context.span_id == record.span_id
    assert record.timestamp > span.start_time
    assert {
        "gen_ai.provider.name": "openai",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "asked-model",
        "gen_ai.response.model": "gpt-5.5",
        "gen_ai.response.id": "chatcmpl-01",
        "gen_ai.response.finish_reasons": ("stop",),
        "refusal.outcome": "refused",
        "refusal.category": "unspecified",
        "refusal.stage": "pre_output",
        "refusal.source": "model",
        "refusal.signal": "refusal",
        "refusal.discarded.output_tokens": 0,
        "refusal.discarded.input_tokens": attributes["refusal.discarded.input_tokens"],
        "refusal.workload": "unspecified",
    } == dict(attributes)


def test_the_exemplar_of_a_refusal_points_at_the_span_of_the_call(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Although the stream was read under another span."""
    vendor.queue(fixture("anthropic/stream_refusal_mid_text.sse").reply)
    stream = claude.messages.create(**CLAUDE, stream=True)
    with trace.get_tracer("app").start_as_current_span("reading"):
        list(stream)

    call = next(span for span in recorded.spans if span.name != "reading")
    (point,) = recorded.points("refusal.client.refusals")
    assert [call.context.span_id] == [exemplar.span_id for exemplar in point.exemplars]


def test_content_is_exported_only_when_capture_is_on(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """Explanations and refusal prose are content."""
    for capture in (False, True):
        recorded = instrument(capture_explanation=capture)
        vendor.queue(REFUSED, fixture("openai/chat_refusal.json").reply)
        claude.messages.create(**CLAUDE)
        gpt.chat.completions.create(**CHAT)
        otel_refusals.uninstrument()

        exported = [dict(span.attributes or {}) for span in recorded.spans] + [dict(a) for _, a in recorded.events]
        assert capture == all("refusal.explanation" in attributes for attributes in exported)
        assert capture == any("declined" in str(attributes) for attributes in exported)


def test_the_credit_token_of_a_refusal_goes_nowhere(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """It is a bearer secret, also when capture is on."""
    recorded = instrument(capture_explanation=True)
    vendor.queue(fixture("anthropic/beta_refusal_credit_token.json").reply)
    token = json.loads(fixture("anthropic/beta_refusal_credit_token.json").body)["stop_details"][
        "fallback_credit_token"
    ]
    claude.beta.messages.create(**CLAUDE)

    exported = [dict(span.attributes or {}) for span in recorded.spans] + [dict(a) for _, a in recorded.events]
    assert token
    assert token not in str(exported)


def test_a_server_cannot_grow_the_series(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Stop reasons past the cap, too long or of a hostile shape are `_OTHER`."""
    recorded = instrument(max_label_values={"signals": 3})
    hostile = ["a" * 65, "new\nline", "{}", "ünïcode", *[f"reason_{number}" for number in range(10)]]
    vendor.queue(*map(stopped_by, hostile))
    for _ in hostile:
        claude.messages.create(**CLAUDE)

    signals = recorded.sums("refusal.client.unknown_stop_reasons", "refusal.signal")
    assert {"reason_0": 1, "reason_1": 1, "reason_2": 1, "_OTHER": 11} == signals


def test_a_caller_cannot_grow_the_series(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Models and workloads past their caps are `_OTHER`."""
    recorded = instrument(max_label_values=2)
    for number in range(5):
        vendor.queue(COMPLETED)
        with otel_refusals.workload(f"job-{number}"):
            claude.messages.create(**{**CLAUDE, "model": f"model-{number}"})

    assert {"model-0": 1, "model-1": 1, "_OTHER": 3} == recorded.sums(
        "refusal.client.operations", "gen_ai.request.model"
    )
    assert {"job-0": 1, "job-1": 1, "_OTHER": 3} == recorded.sums("refusal.client.operations", "refusal.workload")


def test_a_taught_stop_reason_is_no_longer_unknown(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Without waiting for a release, for one provider, to any outcome but the unknown."""
    recorded = instrument(stop_reasons="anthropic:new_pause=paused,anthropic:new_no=refused,openai:other=completed")
    vendor.queue(stopped_by("new_pause"), stopped_by("new_no"), stopped_by("other"))
    for _ in range(3):
        claude.messages.create(**CLAUDE)

    assert {"paused": 1, "refused": 1, "unknown": 1} == recorded.outcomes


@pytest.mark.parametrize(
    ("word", "outcome"),
    [("completed", "completed"), ("truncated", "truncated"), ("tool_call", "tool_call"), ("error", "error")],
)
def test_a_stop_reason_can_be_taught_to_mean(
    word: str, outcome: str, instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Each of the plain outcomes."""
    recorded = instrument(stop_reasons={"anthropic:novel": word})
    vendor.queue(stopped_by("novel"))
    claude.messages.create(**CLAUDE)

    assert {outcome: 1} == recorded.outcomes


@pytest.mark.parametrize(
    "key",
    ["suppress_instrumentation", "suppress_language_model_instrumentation", otel_context._SUPPRESS_INSTRUMENTATION_KEY],
    ids=["plain", "GenAI packages", "OpenTelemetry"],
)
def test_suppression_is_honoured(key: str, recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer) -> None:
    """Whoever suppresses instrumentation gets no telemetry from us either."""
    vendor.queue(REFUSED)
    token = otel_context.attach(otel_context.set_value(key, True))
    try:
        claude.messages.create(**CLAUDE)
    finally:
        otel_context.detach(token)

    assert {} == recorded.outcomes


def test_without_an_opentelemetry_sdk_an_unknown_stop_reason_is_still_heard(
    claude: anthropic.Anthropic, vendor: StubServer, caplog: pytest.LogCaptureFixture
) -> None:
    """By `logging`, once."""
    otel_refusals.instrument()
    try:
        vendor.queue(stopped_by("heard_without_sdk"))
        with caplog.at_level(logging.WARNING, "otel_refusals"):
            claude.messages.create(**CLAUDE)
    finally:
        otel_refusals.uninstrument()

    assert "OTEL_REFUSALS_STOP_REASONS=anthropic:heard_without_sdk" in caplog.text


def test_a_logger_that_is_off_gets_no_event(claude: anthropic.Anthropic, vendor: StubServer) -> None:
    """A logger provider without a processor has nobody to tell."""
    reader = InMemoryMetricReader()
    otel_refusals.instrument(meter_provider=MeterProvider([reader]), logger_provider=LoggerProvider())
    try:
        vendor.queue(REFUSED)
        claude.messages.create(**CLAUDE)
    finally:
        otel_refusals.uninstrument()

    assert reader.get_metrics_data() is not None


def test_a_report_from_inside_opentelemetry_waits_for_the_next_operation(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector may strike while this thread holds a lock of the SDK's: a report would wait for itself."""
    vendor.queue(fixture("anthropic/stream_completed.sse").reply)
    stream = claude.messages.create(**CLAUDE, stream=True)
    with monkeypatch.context() as patched:
        patched.setattr(leftovers, "_LOCKING", (__name__,))
        del stream
        gc.collect()
    assert {} == recorded.outcomes
    vendor.queue(COMPLETED)
    claude.messages.create(**CLAUDE)

    assert {"incomplete": 1, "completed": 1} == recorded.outcomes


def test_bounded_labels_know_what_they_let_through() -> None:
    """A value that was let through stays, whatever comes after."""
    labels = BoundedLabels(2)

    assert ["a", "b", "_OTHER", "a", "_OTHER"] == [labels.bound(value) for value in ("a", "b", "c", "a", "")]
    assert "claude-sonnet-4@20250514" == BoundedLabels(1).bound("claude-sonnet-4@20250514")


def test_ids_are_remembered_in_bounded_memory() -> None:
    """The oldest is forgotten first."""
    seen = Seen(limit=2)

    assert [True, True, False, True, True] == [seen.first(vendor_id) for vendor_id in ("a", "b", "a", "c", "a")]
    assert not seen.first(None)


def test_failures_are_counted_by_vendor_and_kind(recorded: Recorded, claude: Any, vendor: StubServer) -> None:
    """The counter exists from the start, and a healthy call leaves it empty."""
    vendor.queue(COMPLETED)
    claude.messages.create(**CLAUDE)

    assert [] == recorded.points("refusal.instrumentation.errors")
