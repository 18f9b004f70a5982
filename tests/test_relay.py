"""What stands under LiteLLM, without LiteLLM: AWS frames, and the reader of one call's several answers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from otel_refusals.frames import FrameDecoder
from otel_refusals.outcome import Incomplete, Refused, Rescued
from otel_refusals.testing.event_stream import frame, message
from otel_refusals.vendors._litellm_relay import RelayReader
from tests.fixtures import FIXTURES, fixture

STREAMS = [found for found in FIXTURES if found.surface == "bedrock.converse_stream"]
DECLINED = fixture("anthropic/refusal_pre_output_cyber.json").wires[0]
ANSWERED = fixture("anthropic/completed_end_turn.json").wires[0]


def decoded(body: bytes, size: int, skip: frozenset[str] = frozenset()) -> list[Any]:
    """What the decoder makes of `body` in pieces of `size`."""
    decoder = FrameDecoder()
    found = [wire for at in range(0, len(body), size) for wire in decoder.feed(body[at : at + size], skip)]
    return [*found, *decoder.end()]


@given(st.sampled_from(STREAMS), st.integers(1, 200))
def test_frames_are_the_same_events_however_they_are_split(stream: Any, size: int) -> None:
    """And an error is what the AWS SDKs make of it."""
    body = b"".join(map(frame, stream.wires))
    wires = [wire for wire in stream.wires if not next(iter(wire)).endswith("Exception")]
    found = decoded(body, size)

    assert wires == [wire for wire in found if "Error" not in wire]
    assert len(stream.wires) == len(found)


@given(st.binary(max_size=200))
def test_what_is_no_frame_is_read_as_nothing_worse_than_noise(body: bytes) -> None:
    """No exception, whatever a server sends."""
    decoded(body, 7)


def test_events_that_do_not_matter_are_skipped_and_errors_are_named() -> None:
    """By their header, before their JSON is parsed."""
    error = message({":error-code": "500", ":error-message": "no", ":message-type": "error"}, b"")
    body = frame({"contentBlockDelta": {"delta": {"text": "Hi"}}}) + error

    assert [{"Error": {"Code": "500", "Message": "no"}}] == decoded(body, 9, frozenset({"contentBlockDelta"}))


def read(*answers: Any) -> RelayReader:
    """A reader that was given one answer per attempt."""
    reader = RelayReader()
    for answer in answers:
        reader.attempt("anthropic")
        reader.feed(answer)
    return reader


def test_a_decline_that_another_model_answers_is_rescued() -> None:
    """With the decline that made the fallback necessary."""
    outcome = read(DECLINED, ANSWERED).outcome()

    assert isinstance(outcome, Rescued)
    assert ["cyber"] == [refusal.category for refusal in outcome.refusals]


def test_declines_of_several_models_are_one_refusal_of_the_operation_each() -> None:
    """The last decides; an exception after a decline leaves it as it is."""
    outcome = read(DECLINED, DECLINED).outcome()
    failed = read(DECLINED, RuntimeError("overloaded")).outcome()

    assert isinstance(outcome, Refused)
    assert (2, 1) == (len(outcome.refusals), outcome.deciding)
    assert isinstance(failed, Refused)
    assert (1, 0) == (len(failed.refusals), failed.deciding)


def test_an_error_body_is_read_for_a_decline_only() -> None:
    """Of any other error the exception tells more."""
    reader = RelayReader()
    reader.attempt("openai")
    reader.error_body(fixture("openai/error_400_cyber_policy.json").wires[0])
    refused = reader.outcome()
    reader.attempt("anthropic")
    reader.error_body(fixture("anthropic/error_529_overloaded.json").wires[0])

    assert isinstance(refused, Refused)
    assert "cyber" == refused.refusal.category
    assert not isinstance(reader.outcome(), Incomplete)
    assert not reader.decided
