"""Bodies of any size, streams of any length, servers that never say the same twice: linear time, bounded memory.

Time is that of the processor, and the bounds are wide: what is quadratic passes them a hundredfold.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import thread_time
from typing import Any

import pytest

import otel_refusals
from otel_refusals import config, events, names, origins
from otel_refusals.frames import FrameDecoder
from otel_refusals.operation import Operation
from otel_refusals.outcome import Refused
from otel_refusals.reader import MAX_TRACKED
from otel_refusals.seen import Seen
from otel_refusals.telemetry import Telemetry
from otel_refusals.testing import RefusalRecorder
from otel_refusals.vendors import VENDORS
from otel_refusals.vendors._anthropic_messages import MessagesReader
from otel_refusals.vendors._bedrock_guardrail import GuardrailReader
from otel_refusals.vendors._openai_chat import ChatReader
from otel_refusals.vendors._openai_responses import ResponsesReader
from otel_refusals.wire import Decoder
from tests.fuzz.laws import size_of

MEGABYTE = 1024 * 1024


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What is inside takes no more time of the processor than this."""
    started = thread_time()
    yield
    took = thread_time() - started
    assert took < seconds, f"took {took:.1f} s"


def decoded(decoder: Decoder, body: bytes, size: int) -> int:
    """How many wire objects come out of `body`, which arrives in pieces of `size`."""
    found = sum(1 for at in range(0, len(body), size) for _ in decoder.feed(body[at : at + size]))
    return found + sum(1 for _ in decoder.end())


@pytest.mark.parametrize(
    ("body", "size", "found"),
    [
        (b"data: 1\n\n" * 200_000, 4096, 200_000),
        (b"data: 1\n" * 200_000, 4096, 0),
        (b":\r" * 200_000, 100, 0),
        (b"data: " + b"1" * 10 * MEGABYTE, 1000, 0),
        (b'data: "' + b"x" * 10 * MEGABYTE + b'"', 1000, 1),
        (b"\r" * 50_000, 1, 0),
    ],
    ids=["tiny events", "one event of tiny lines", "comments", "a number", "a string", "line ends one by one"],
)
def test_the_decoder_takes_time_in_proportion_to_the_body(body: bytes, size: int, found: int) -> None:
    """However small its lines, and however small the pieces in which it arrives."""
    with at_most(10):
        assert found == decoded(Decoder("text/event-stream"), body, size)


def test_an_event_of_tiny_lines_is_kept_in_its_own_size() -> None:
    """A list of its lines would be many times as large."""
    decoder = Decoder("text/event-stream")
    body = b"data:12\n" * 300_000
    list(decoder.feed(body))

    assert size_of(decoder) < len(body)


def test_a_frame_of_tiny_headers_is_read_once() -> None:
    """And one with more of them than the protocol allows is given up."""
    for count, found in ((30_000, 1), (40_000, 0), (2_000_000, 0)):
        headers = b"\0\7\0\0" * count
        body = struct.pack("!III", 12 + len(headers) + 4, len(headers), 0) + headers + bytes(4)
        with at_most(2):
            assert found == decoded(FrameDecoder(), body, MEGABYTE)


def test_a_message_that_begins_a_list_again_and_again_is_searched_once() -> None:
    """Looking for the end of the list from each beginning would take hours."""
    error = {"code": "moderation_blocked", "message": "safety_violations=[" * 500_000 + "hate]"}
    with at_most(2):
        outcome = otel_refusals.outcome_of({"error": error})

    assert isinstance(outcome, Refused)
    assert len(outcome.refusal.explanation or "") < 1000


@pytest.mark.parametrize("change", [{"output": [{"type": "message", "content": []}] * 50_000}, {"status": "failed"}])
def test_a_response_that_is_asked_for_after_every_event_is_read_once(change: dict[str, Any]) -> None:
    """As it is where the call has a span, for as long as a hostile server goes on."""
    reader = ResponsesReader()
    error = {"code": "invalid_prompt", "message": "safety_violations=[" * 50_000}
    response = {"object": "response", "status": "new", "output": [], "error": error, **change}
    with at_most(5):
        reader.feed({"type": "response.completed", "response": response})
        for _ in range(3000):
            reader.feed({"type": "response.output_text.done"})
            reader.outcome()


def blocked(number: int) -> dict[str, Any]:
    """A chunk in which a filter blocked something that was never heard of."""
    filters = {f"novel_{number}": {"filtered": True, "severity": "low"}}
    choices = [{"index": 0, "delta": {"content": "x"}, "content_filter_results": filters}]
    prompt = [{"prompt_index": 0, "content_filter_results": {f"other_{number}": {"filtered": True}}}]
    return {"object": "chat.completion.chunk", "choices": choices, "prompt_filter_results": prompt}


def denied(number: int) -> dict[str, Any]:
    """An answer of a guardrail that denied a topic that was never heard of."""
    topic = {"name": f"topic {number}", "action": "BLOCKED"}
    return {"action": "GUARDRAIL_INTERVENED", "assessments": [{"topicPolicy": {"topics": [topic]}}]}


def hopped(number: int) -> dict[str, Any]:
    """A fallback after a decline for a reason that was never heard of."""
    block = {"type": "fallback", "trigger": {"type": "refusal", "category": f"novel_{number}"}}
    return {"type": "content_block_start", "index": number, "content_block": block}


@pytest.mark.parametrize(
    ("make", "event"), [(ChatReader, blocked), (GuardrailReader, denied), (MessagesReader, hopped)]
)
def test_a_stream_of_novelties_is_not_kept(make: Callable[[], Any], event: Callable[[int], Any]) -> None:
    """Not more of them than a reader tells apart."""
    reader = make()
    for number in range(3000):
        reader.feed(event(number))
    outcome = reader.outcome()

    assert size_of(reader) < 200_000
    assert outcome is None or len(outcome.refusal.raw_categories) <= MAX_TRACKED


_MESSAGES = next(end for vendor in VENDORS for end in vendor.endpoints if end.reader is MessagesReader)


def hostile(telemetry: Telemetry, numbers: range) -> None:
    """Operations of which no two have a model, a stop reason, a category, an error or an id in common."""
    for number in numbers:
        message = {"type": "message", "id": f"msg_{number}", "model": f"model_{number}", "content": []}
        details = {"category": f"category_{number}", "explanation": f"prose {number}"}
        wires = (
            {**message, "stop_reason": f"reason_{number}"},
            {**message, "id": f"other_{number}", "stop_reason": "refusal", "stop_details": details},
            {"type": "error", "error": {"type": f"error_{number}", "message": f"message {number}"}},
        )
        for wire in wires:
            operation = Operation(telemetry, "anthropic", _MESSAGES, "anthropic", None)
            operation.whole(wire)
            operation.end()
            telemetry.seen.first(f"{number}")


def test_a_server_that_never_says_the_same_twice_grows_neither_series_nor_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once every cap is reached; those of ids are made small here, so that they are."""
    monkeypatch.setattr(origins, "_LIMIT", 100)
    with RefusalRecorder() as recorded:
        telemetry = Telemetry(
            config.configure(max_label_values=5, environ={}),
            recorded.tracer_provider,
            recorded.meter_provider,
            recorded.logger_provider,
        )
        telemetry.seen = Seen(limit=100)
        sizes, series = [], []
        for start in (0, 1000):
            hostile(telemetry, range(start, start + 1000))
            kept = (telemetry._models, telemetry._signals, telemetry._error_types, telemetry._series, telemetry.seen)
            sizes.append(sum(map(size_of, (*kept, events._warned, origins._by_id))))
            series.append({metric.name: len(recorded.points(metric.name)) for metric in names.METRICS})

    assert series[0] == series[1]
    assert max(series[1].values()) <= 6 * 4 + 6 * 101
    assert sizes[1] <= sizes[0] * 1.05
    assert {"refused": 2000, "unknown": 2000, "error": 2000} == recorded.operations
