"""Every wire fixture reads as its row of the manifest says: the documentation of what the readers do."""

from __future__ import annotations

import json
from typing import Any

import pytest

import otel_refusals
from otel_refusals import Refused, Rescued
from otel_refusals.vendors import VENDORS
from otel_refusals.vendors._anthropic_messages import MessagesReader
from tests.fixtures import BY_PATH, FIXTURES, Fixture

every_fixture = pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.path)


def reading(outcome: otel_refusals.Outcome) -> dict[str, object]:
    """An outcome in the columns of the manifest."""
    if not isinstance(outcome, (Refused, Rescued)):
        none = ("category", "raw_category", "stage", "source", "discarded_output_tokens")
        return {"outcome": outcome.outcome, "refusals": 0, **dict.fromkeys(none)}
    refusal = outcome.refusal
    raw = dict.fromkeys(name for one in outcome.refusals for name in one.raw_categories)
    return {
        "outcome": outcome.outcome,
        "refusals": len(outcome.refusals),
        "category": refusal.category,
        "raw_category": ",".join(raw) or None,
        "stage": refusal.stage,
        "source": refusal.source,
        "discarded_output_tokens": outcome.discarded_output_tokens,
    }


def expected(fixture: Fixture) -> dict[str, object]:
    """The columns of the manifest that an outcome has."""
    columns = ("outcome", "refusals", "category", "raw_category", "stage", "source", "discarded_output_tokens")
    return {column: getattr(fixture, column) for column in columns}


@every_fixture
def test_the_wire_reads_as_its_manifest_row_says(fixture: Fixture) -> None:
    """The bytes alone tell the outcome, whichever vendor sent them."""
    assert expected(fixture) == reading(otel_refusals.outcome_of(fixture.body))


@every_fixture
def test_parsed_json_reads_as_its_bytes_do(fixture: Fixture) -> None:
    """A mapping, or the list of a stream's events, reads as the text it was parsed from."""
    wires = fixture.wires if fixture.streamed else fixture.wires[0]

    assert reading(otel_refusals.outcome_of(fixture.body)) == reading(otel_refusals.outcome_of(wires))


@every_fixture
def test_asking_for_the_outcome_changes_nothing(fixture: Fixture) -> None:
    """A reader may be asked after every event, and again at the end."""
    makers = {end.reader for vendor in VENDORS for end in vendor.endpoints}
    for make in makers:
        asked, silent = make(), make()
        for wire in fixture.wires:
            asked.feed(wire)
            asked.outcome()
            silent.feed(wire)

        assert asked.outcome() == silent.outcome() == asked.outcome()


def test_what_the_reader_skips_would_not_have_changed_the_outcome() -> None:
    """Events that a reader asks to leave out are truly without effect."""
    for fixture in FIXTURES:
        for make in {end.reader for vendor in VENDORS for end in vendor.endpoints}:
            full, skipping = make(), make()
            for wire in fixture.wires:
                full.feed(wire)
                if wire.get("type") not in skipping.skip:
                    skipping.feed(wire)

            assert full.outcome() == skipping.outcome(), fixture.path


def test_a_fixture_is_described_and_used_once() -> None:
    """The manifest names every file, and no file twice."""
    paths = [fixture.path for fixture in FIXTURES]

    assert len(set(paths)) == len(paths)
    assert all(fixture.body for fixture in FIXTURES)


def test_input_tokens_of_a_billed_refusal_include_the_cached_ones() -> None:
    """As `gen_ai.usage.input_tokens` counts: fresh, read from cache and written to cache."""
    message = {
        "type": "message",
        "content": [{"type": "text", "text": "Sure"}],
        "stop_reason": "refusal",
        "usage": {
            "input_tokens": 5,
            "cache_read_input_tokens": 30,
            "cache_creation_input_tokens": 7,
            "output_tokens": 3,
        },
    }

    outcome = otel_refusals.outcome_of(message)

    assert isinstance(outcome, Refused)
    assert (42, 3) == (outcome.discarded_input_tokens, outcome.discarded_output_tokens)


def test_input_tokens_are_absent_where_the_vendor_reports_none() -> None:
    """Unknown is absent, never zero."""
    message = {"type": "message", "content": [{"type": "text", "text": "Sure"}], "stop_reason": "refusal"}

    outcome = otel_refusals.outcome_of(json.dumps(message))

    assert isinstance(outcome, Refused)
    assert (None, None) == (outcome.discarded_input_tokens, outcome.discarded_output_tokens)


def test_a_refusal_before_output_bills_nothing_at_anthropic() -> None:
    """Usage is reported all the same, and is not the bill."""
    outcome = otel_refusals.outcome_of(
        {"type": "message", "content": [], "stop_reason": "refusal", "usage": {"input_tokens": 9, "output_tokens": 1}}
    )

    assert isinstance(outcome, Refused)
    assert (0, 0) == (outcome.discarded_input_tokens, outcome.discarded_output_tokens)


@pytest.mark.parametrize(
    "fixture",
    [one for one in FIXTURES if one.surface == "gemini.generate_content" and one.streamed],
    ids=lambda fixture: fixture.path,
)
def test_answers_in_one_stream_are_told_apart_without_their_ids(fixture: Fixture) -> None:
    """Older releases of google-genai leave them out."""
    wires = [{name: value for name, value in wire.items() if name != "responseId"} for wire in fixture.wires]

    assert reading(otel_refusals.outcome_of(fixture.body)) == reading(otel_refusals.outcome_of(wires))


@pytest.mark.parametrize(("said", "stage"), [("", "pre_output"), ("First, take", "mid_stream")])
def test_a_legacy_completion_tells_the_stage_by_its_text(said: str, stage: str) -> None:
    """Whole or streamed, each part of it is one of these."""
    completion = {"type": "completion", "completion": said, "model": "claude-2.1", "stop_reason": "refusal"}

    assert stage == reading(otel_refusals.outcome_of(completion))["stage"]
    started = {**completion, "completion": "Well", "stop_reason": None}
    assert "mid_stream" == reading(otel_refusals.outcome_of([started, completion]))["stage"]


def test_a_rescued_operation_names_the_model_that_answered() -> None:
    """The last fallback that took over."""
    outcome = otel_refusals.outcome_of(next(f for f in FIXTURES if "two_hops" in f.path).body)

    assert isinstance(outcome, Rescued)
    assert "c-model" == outcome.rescued_by
    assert ["bio", "cyber"] == [refusal.category for refusal in outcome.refusals]
    assert ["pre_output", "mid_stream"] == [refusal.stage for refusal in outcome.refusals]


def test_the_fallback_block_of_an_error_that_is_no_refusal_is_no_decline() -> None:
    """Only a trigger of type refusal is a decline."""
    block = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}, "trigger": {"type": "overloaded"}}

    outcome = otel_refusals.outcome_of({"type": "message", "content": [block], "stop_reason": "end_turn"})

    assert "completed" == outcome.outcome


@pytest.mark.parametrize("junk", [None, 7, object(), {}, {"hello": 1}, [], ["a"]])
def test_what_no_vendor_sends_is_a_clear_error(junk: object) -> None:
    """`outcome_of` never guesses."""
    with pytest.raises(TypeError, match="no reader knows this"):
        otel_refusals.outcome_of(junk)


def test_text_that_is_no_wire_format_is_a_clear_error() -> None:
    """HTML of a proxy, for example."""
    with pytest.raises(ValueError, match="neither JSON"):
        otel_refusals.outcome_of("<html>502</html>")


def test_a_stream_cut_after_its_first_event_is_incomplete() -> None:
    """One event is no whole response, as text or as a list; a JSON array of events is a stream too."""
    event = BY_PATH["anthropic/stream_completed.sse"].wires[0]
    for cut in (f"data: {json.dumps(event)}\n\n", [event], json.dumps([event])):
        assert "incomplete" == otel_refusals.outcome_of(cut).outcome


def test_nesting_beyond_all_measure_is_a_clear_error() -> None:
    """A hostile file is no crash."""
    with pytest.raises(ValueError, match="neither JSON"):
        otel_refusals.outcome_of("[" * 200_000)


def test_a_new_message_forgets_the_one_before() -> None:
    """A client-side fallback parses every hop; the last message is what the caller gets."""
    reader = MessagesReader()
    reader.feed({"type": "message", "content": [], "stop_reason": "refusal"})
    reader.feed({"type": "message", "content": [], "stop_reason": "end_turn"})

    assert otel_refusals.Completed("end_turn") == reader.outcome()


def test_a_new_message_forgets_the_error_before() -> None:
    """A middleware parses the answer of each attempt, and a retry was answered."""
    reader = MessagesReader()
    reader.feed({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    reader.feed({"type": "message", "content": [], "stop_reason": "refusal"})

    assert "refused" == getattr(reader.outcome(), "outcome", None)


_ANTHROPIC_ERROR = {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}
_OPENAI_ERROR = {"code": "server_error", "message": "Something went wrong."}


@pytest.mark.parametrize(
    ("declined", "error"),
    [
        ({"type": "message_delta", "delta": {"stop_reason": "refusal"}}, _ANTHROPIC_ERROR),
        ({"type": "response.refusal.delta", "delta": "I can't"}, {"type": "error", **_OPENAI_ERROR}),
        ({"type": "response.refusal.delta", "delta": "I can't"}, {"type": "error", "error": _OPENAI_ERROR}),
        (
            {"type": "response.refusal.delta", "delta": "I can't"},
            {"type": "response.failed", "response": {"status": "failed", "error": _OPENAI_ERROR}},
        ),
    ],
)
def test_an_error_after_a_decline_does_not_undo_it(declined: dict[str, Any], error: dict[str, Any]) -> None:
    """However the SDK hands the stream over, and whatever it raises then."""
    assert "refused" == otel_refusals.outcome_of([declined, error]).outcome
    assert "error" == otel_refusals.outcome_of([error]).outcome


def test_of_several_choices_an_error_comes_before_one_that_was_cut() -> None:
    """The order of the outcomes is one, also where an answer has not ended."""
    cut: dict[str, Any] = {"index": 0, "delta": {"content": "Well"}, "finish_reason": None}
    failed = {"index": 1, "delta": {}, "finish_reason": "error"}
    chunk = {"object": "chat.completion.chunk", "choices": [cut, failed]}
    candidates = [{"index": 0, "content": {}}, {"index": 1, "finishReason": "MALFORMED_FUNCTION_CALL"}]

    assert "error" == otel_refusals.outcome_of([chunk]).outcome
    assert "error" == otel_refusals.outcome_of([{"candidates": candidates}]).outcome
