"""Laws that hold for every reader and for the decoder, whatever the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otel_refusals
from otel_refusals.outcome import MISSING, Incomplete, Outcome, Refused, Unknown
from otel_refusals.reader import MAX_TEXT, MAX_TRACKED
from otel_refusals.vendor import Endpoint
from otel_refusals.vendors import VENDORS
from otel_refusals.vendors._cohere_chat import plain_answer
from otel_refusals.wire import MAX_BODY, Decoder
from tests.fixtures import FIXTURES, Fixture, fixture

READERS = [*dict.fromkeys(end.reader for vendor in VENDORS for end in vendor.endpoints)]
LOOKED_AT = [end for vendor in VENDORS for end in vendor.endpoints if end.plain is not None]
STREAMS = [found for found in FIXTURES if found.streamed]
BODIES = [found for found in FIXTURES if not found.path.endswith(".jsonl")]
"""What the decoder is given: lines of JSON are only decoded by the SDKs."""

names = st.sampled_from(
    [
        *("type", "id", "model", "content", "stop_reason", "stop_details", "category", "usage", "output_tokens"),
        *("choices", "delta", "message", "index", "text", "refusal", "finish_reason", "error", "code", "response"),
        *("status", "output", "item", "trigger", "to", "from", "data", "created", "answers", "content_filters"),
        *("event_type", "generations", "meta", "tool_calls", "outputs", "object", "stream-end", "message-end"),
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=20,
)


def replaced(wire: Any, path: list[int], value: Any) -> Any:
    """`wire` with the value at some place exchanged."""
    if not path or not isinstance(wire, (dict, list)) or not wire:
        return value
    keys = list(wire) if isinstance(wire, dict) else range(len(wire))
    key = keys[path[0] % len(keys)]
    copy = dict(wire) if isinstance(wire, dict) else list(wire)
    copy[key] = replaced(wire[key], path[1:], value)
    return copy


@given(st.lists(json_values, max_size=5))
def test_no_reader_raises_on_junk(wires: list[Any]) -> None:
    """Whatever a server sends, an outcome or none comes out."""
    for make in READERS:
        reader = make()
        for wire in wires:
            reader.feed(wire)
        assert reader.outcome() is None or isinstance(reader.outcome().outcome, str)


@settings(max_examples=400)
@given(st.sampled_from(FIXTURES), st.integers(0, 30), st.lists(st.integers(0, 30), max_size=6), json_values)
def test_no_reader_raises_on_a_wire_with_something_wrong(
    fixture: Fixture, event: int, path: list[int], value: Any
) -> None:
    """A field of the wrong type, missing or unknown, anywhere."""
    wires = list(fixture.wires)
    wires[event % len(wires)] = replaced(wires[event % len(wires)], path, value)
    for make in READERS:
        reader = make()
        for wire in wires:
            reader.feed(wire)
        reader.outcome()


@pytest.mark.parametrize("endpoint", LOOKED_AT, ids=lambda endpoint: endpoint.plain.__name__)
@settings(max_examples=400)
@given(fixture=st.sampled_from(BODIES), path=st.lists(st.integers(0, 30), max_size=6), value=json_values)
def test_one_look_says_what_the_reader_says(endpoint: Endpoint, fixture: Fixture, path: list[int], value: Any) -> None:
    """Of any whole answer, right or with something wrong in it, or nothing at all."""
    for wire in (fixture.wires[0], replaced(fixture.wires[0], path, value)):
        told = endpoint.plain(wire)
        if told is not None:
            reader = endpoint.reader()
            reader.feed(wire)
            assert reader.outcome() == told


def test_one_look_takes_a_message_without_a_role_for_no_answer() -> None:
    """As the reader of Cohere's answers does; found by fuzzing."""
    assert plain_answer({"finish_reason": "TOOL_CALL", "message": {"tool_calls": []}}) is None


@given(st.sampled_from(STREAMS), st.integers(0, 40))
def test_a_stream_that_stops_anywhere_has_an_outcome_or_none_yet(fixture: Fixture, length: int) -> None:
    """And a cut one is never called completed before the vendor said so: only a refusal may stand before it is decided,
    as a guardrail's does, of which the trace may yet show that it merely masked.
    """
    for make in READERS:
        reader = make()
        for wire in fixture.wires[:length]:
            reader.feed(wire)
        assert reader.outcome() is None or reader.decided or isinstance(reader.outcome(), Refused)


@given(st.sampled_from(BODIES), st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_the_decoder_gives_the_same_objects_however_the_bytes_are_split(fixture: Fixture, sizes: list[int]) -> None:
    """Splitting invariance, in the middle of a line or of a character."""
    decoder, found, rest, turn = Decoder(fixture.content_type), [], fixture.body, 0
    while rest:
        size = sizes[turn % len(sizes)]
        found += decoder.feed(rest[:size])
        rest, turn = rest[size:], turn + 1
    found += decoder.end()

    assert fixture.wires == found


@given(st.sampled_from(["\n", "\r\n"]))
def test_the_decoder_knows_the_line_ends_of_the_standard(end: str) -> None:
    """With comments, unknown fields, several data lines and no space after the colon."""
    lines = [": hello", "event: a", 'data: {"n":', "data:1}", "id: 7", "", "data: [DONE]", "", 'data: {"n":2}']
    decoder = Decoder("Text/Event-Stream; charset=utf-8")

    assert [{"n": 1}, {"n": 2}] == [*decoder.feed(end.join(lines).encode()), *decoder.end()]


def test_the_decoder_leaves_out_the_events_that_nobody_needs() -> None:
    """By name, without decoding their JSON."""
    body = b'event: noise\ndata: {"n":1}\n\nevent: news\ndata: {"n":2}\n\n'

    assert [{"n": 2}] == list(Decoder("text/event-stream").feed(body, frozenset({"noise"})))


def test_a_body_without_end_is_given_up() -> None:
    """Its memory is given back, and nothing comes out."""
    decoder = Decoder("application/json")
    for _ in range(MAX_BODY // (1024 * 1024) + 1):
        assert [] == list(decoder.feed(b" " * 1024 * 1024))

    assert [] == [*decoder.feed(b"{}"), *decoder.end()]


def outcome_of(wire: Any) -> Outcome:
    """Short for the public function."""
    return otel_refusals.outcome_of(wire)


def test_a_hostile_number_of_choices_and_hops_is_not_kept() -> None:
    """No more than `MAX_TRACKED`."""
    choices = [{"index": n, "finish_reason": "content_filter", "message": {}} for n in range(1000)]
    hops = [{"type": "fallback", "trigger": {"type": "refusal", "category": "x"}}] * 1000
    answers = [{"type": "refusal"}] * 1000
    outcomes = [
        outcome_of({"object": "chat.completion", "choices": choices}),
        outcome_of({"type": "message", "content": hops, "stop_reason": "end_turn"}),
        outcome_of({"answers": answers}),
    ]

    assert all(len(outcome.refusals) <= MAX_TRACKED for outcome in outcomes)


def test_a_hostile_length_of_a_value_is_cut() -> None:
    """Stop reasons, categories, ids and models are short words."""
    reader_input = {"type": "message", "id": "i" * 10**6, "content": [], "stop_reason": "s" * 10**6}

    outcome = outcome_of(json.dumps(reader_input))

    assert isinstance(outcome, Unknown)
    assert MAX_TEXT == len(outcome.signal)


def test_a_stream_without_an_end_is_incomplete_and_a_whole_without_a_reason_is_missing() -> None:
    """The difference between a caller that left and a vendor that does not say."""
    cut = fixture("anthropic/stream_cut_before_stop.sse")

    assert Incomplete() == outcome_of(cut.body)
    assert Unknown(MISSING) == outcome_of({"type": "message", "content": [], "stop_reason": None})
