"""Servers and gateways that do not behave: what was found by trying to break the readers and the engine."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

import otel_refusals
from otel_refusals import leftovers
from otel_refusals.outcome import Errored, Refused
from otel_refusals.reader import MAX_NUMBER, MAX_TEXT, number
from otel_refusals.testing import Reply, StubServer
from otel_refusals.vendors import VENDORS
from otel_refusals.vendors._gemini_content import ContentReader
from otel_refusals.vendors._openai_images import ImagesReader
from otel_refusals.wire import MAX_BODY, Decoder
from tests.drivers import ARGUMENTS
from tests.fixtures import FIXTURES, fixture
from tests.fuzz.laws import size_of
from tests.telemetry import Recorded

CLAUDE = ARGUMENTS["messages"]
CHAT = ARGUMENTS["chat"]


def responses_stream(item: dict[str, Any], *, cut: bool = False) -> list[dict[str, Any]]:
    """A Responses stream that tells an item, and whose terminal event does not repeat it."""
    response = {"object": "response", "id": "resp_1", "model": "m", "output": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        {"type": "response.output_item.added", "item": {**item, "content": []}},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": {**response, "status": "completed"}},
    ]
    return events[:-1] if cut else events


REFUSAL_ITEM = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
BLOCKED_IMAGE = {"type": "image_generation_call", "error": {"code": "moderation_blocked", "message": "Blocked"}}


@pytest.mark.parametrize(
    ("item", "cut", "outcome", "stage"),
    [
        (REFUSAL_ITEM, False, "refused", "pre_output"),
        (REFUSAL_ITEM, True, "refused", "pre_output"),
        (BLOCKED_IMAGE, False, "refused", "pre_output"),
        ({"type": "function_call", "name": "f"}, False, "tool_call", None),
    ],
)
def test_an_item_counts_although_the_terminal_event_leaves_it_out(
    item: dict[str, Any], cut: bool, outcome: str, stage: str | None
) -> None:
    """Some servers send a terminal event with an empty output."""
    found = otel_refusals.outcome_of(responses_stream(item, cut=cut))

    assert outcome == found.outcome
    assert stage is None or (isinstance(found, Refused) and stage == found.refusal.stage)


def test_a_number_beyond_all_measure_is_no_count_of_tokens(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """One addition past 64 bits would fail every later export of the process."""
    message = json.loads(fixture("anthropic/refusal_thinking_only.json").body)
    message["usage"]["output_tokens"] = 2**63
    vendor.queue(Reply(json.dumps(message).encode()))
    claude.messages.create(**CLAUDE)

    assert {"refused": 1} == recorded.outcomes
    assert [] == recorded.points("refusal.client.discarded.output_tokens")
    assert (MAX_NUMBER, None) == (number({"n": MAX_NUMBER}, "n"), number({"n": MAX_NUMBER + 1}, "n"))


def test_a_message_that_quotes_the_prompt_gives_no_category_away() -> None:
    """Only names that are known are taken out of free text."""
    message = 'Your prompt "safety_violations=[SECRET patient]" was rejected. safety_violations=[sexual].'
    outcome = otel_refusals.outcome_of({"error": {"code": "moderation_blocked", "message": message}})

    assert isinstance(outcome, Refused)
    assert ("sexual",) == outcome.refusal.raw_categories


def test_an_error_code_that_is_prose_is_bounded_everywhere(
    instrument: Any, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """On the metric and on our own span alike."""
    recorded = instrument(spans="all")
    vendor.queue(Reply(b'{"error": {"code": "SECRET is your key", "message": "x"}}'))
    gpt.chat.completions.create(**CHAT)

    assert {"_OTHER": 1} == recorded.sums("refusal.client.operations", "error.type")
    assert "SECRET" not in str([dict(span.attributes or {}) for span in recorded.spans])


def test_a_new_event_of_an_image_stream_is_not_a_completed_one() -> None:
    """Novelty is never completed."""
    reader = ImagesReader()
    reader.feed({"type": "image_generation.failed", "error": None})
    assert reader.outcome() is None
    reader.feed({"type": "image_generation.completed"})

    assert "completed" == getattr(reader.outcome(), "outcome", None)


def test_the_categories_of_every_azure_block_are_read() -> None:
    """A block of the prompt without a category, and one of the completion with one."""
    filters = [
        {"blocked": True, "source_type": "prompt", "content_filter_results": {}},
        {"blocked": True, "source_type": "completion", "content_filter_results": {"hate": {"filtered": True}}},
    ]
    response = {"object": "response", "status": "incomplete", "usage": {"output_tokens": 9}, "content_filters": filters}
    both = otel_refusals.outcome_of(response)
    prompt = otel_refusals.outcome_of({**response, "content_filters": filters[:1]})

    assert isinstance(both, Refused)
    assert isinstance(prompt, Refused)
    assert ("hate", "mid_stream", 9) == (both.refusal.category, both.refusal.stage, both.discarded_output_tokens)
    assert ("unspecified", "pre_output", 0) == (
        prompt.refusal.category,
        prompt.refusal.stage,
        prompt.discarded_output_tokens,
    )


def test_the_sdks_exceptions_tell_what_the_vendor_said(claude: anthropic.Anthropic, vendor: StubServer) -> None:
    """Also where a gateway makes the body plain text."""
    vendor.queue(Reply(b"Output blocked by content filtering policy", 400, "text/plain"))
    with pytest.raises(anthropic.BadRequestError) as blocked:
        claude.messages.create(**CLAUDE)
    completion = openai.types.chat.ChatCompletion.model_validate_json(
        fixture("openai/chat_content_filter_omitted_text.json").body
    )
    filtered: Any = openai.ContentFilterFinishReasonError(completion=completion)

    assert "refused" == otel_refusals.outcome_of(blocked.value).outcome
    assert "refused" == otel_refusals.outcome_of(filtered).outcome
    assert Errored("BadRequestError") == otel_refusals.outcome_of(
        openai.BadRequestError("no", response=blocked.value.response, body=None)
    )


def test_a_refusal_before_an_error_in_the_stream_stays_a_refusal() -> None:
    """The decline came first."""
    chunks = [
        {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"refusal": "No."}}]},
        {"error": {"code": "server_error"}},
    ]

    assert "refused" == otel_refusals.outcome_of(chunks).outcome


def test_the_model_in_an_extra_body_is_the_model_that_was_asked(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """It is the one that goes over the wire."""
    vendor.queue(fixture("anthropic/completed_end_turn.json").reply)
    claude.messages.create(**CLAUDE, extra_body={"model": "other-model"})

    assert {"other-model": 1} == recorded.sums("refusal.client.operations", "gen_ai.request.model")
    assert "other-model" == vendor.requests[0].json["model"]


def test_the_byte_stream_of_a_response_can_be_copied(
    recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """As it can without us."""
    vendor.queue(fixture("openai/chat_stream_completed.sse").reply)
    with gpt.chat.completions.create(**CHAT, stream=True) as stream:
        assert type(copy.copy(stream.response.stream)) is type(stream.response.stream)
    assert {"incomplete": 1} == recorded.outcomes


def test_an_event_without_end_is_given_up() -> None:
    """However many lines it has."""
    decoder = Decoder("text/event-stream")
    line = b"data: " + b"x" * 1024 * 1024 + b"\n"
    for _ in range(MAX_BODY // len(line) + 2):
        assert [] == list(decoder.feed(line))

    assert [] == [*decoder.feed(b'\n\ndata: {"n":1}\n\n'), *decoder.end()]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_leaves_the_open_streams_to_its_parent(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Else both would report them."""
    vendor.queue(fixture("anthropic/stream_refusal_mid_text.sse").reply)
    stream = claude.messages.create(**CLAUDE, stream=True)
    child = os.fork()
    if child == 0:
        leftovers.report_open()
        os._exit(int(sum(recorded.outcomes.values())))
    _, status = os.waitpid(child, 0)
    list(stream)

    assert 0 == os.waitstatus_to_exitcode(status)
    assert {"refused": 1} == recorded.outcomes


class Raising:
    """An object of which no attribute can be had."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


READERS = [*dict.fromkeys(end.reader for vendor in VENDORS for end in vendor.endpoints)]


@pytest.mark.parametrize("make", READERS, ids=lambda make: f"{make.__module__.rpartition('.')[2]}.{make.__name__}")
def test_an_object_whose_attributes_raise_tells_nothing(make: Any) -> None:
    """Neither as the wire itself nor inside one, nor is a class in the place of an object anything."""
    reader = make()
    for found in FIXTURES:
        for wire in found.wires:
            reader.feed(wire)
            for odd in (Raising(), BaseModel, *({**wire, name: Raising()} for name in wire)):
                assert make.reads(odd) in (True, False)
                assert reader.glance(odd) in (True, False)
                reader.feed(odd)


def test_half_a_character_does_not_keep_the_rest_from_being_exported(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """JSON can spell one half of a surrogate pair, which nothing can be encoded with."""
    message = json.loads(fixture("anthropic/refusal_unknown_category.json").body)
    message.update(id="msg_\ud800", model="claude-\udfff", stop_details={"type": "refusal", "category": "\ud83d"})
    vendor.queue(Reply(json.dumps(message).encode()))
    claude.messages.create(**CLAUDE)

    ((_, event),) = recorded.events
    assert ("msg_?", "claude-?", "?") == tuple(
        event[name] for name in ("gen_ai.response.id", "gen_ai.response.model", "refusal.raw_category")
    )
    ours = {name: value for name, value in recorded.span.items() if name.startswith("refusal.")}
    assert all(str(value).encode() for value in (*event.values(), *ours.values()))


def test_an_answer_that_is_half_a_character_is_what_the_sdk_makes_of_it(
    recorded: Recorded, claude: anthropic.Anthropic, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """A string instead of an object: the SDKs hand it over as it is."""
    vendor.queue(Reply(b'"\\ud800"'), Reply(b'"\\ud800"'))
    answers: list[object] = [claude.messages.create(**CLAUDE), gpt.chat.completions.create(**CHAT)]

    assert ["\ud800"] * 2 == answers
    assert {"unknown": 2} == recorded.outcomes


def test_text_with_half_a_character_is_read() -> None:
    """As the bytes that it stands for are."""
    text = fixture("anthropic/refusal_pre_output_cyber.json").body.decode().replace("msg_", "\ud800msg_")

    assert "refused" == otel_refusals.outcome_of(text).outcome


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": "cyber_policy", "message": "long " * 10_000}},
        {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "violates our usage guidelines " * 10_000}},
        {"generated_images": [{"rai_filtered_reason": "long " * 10_000}]},
        {"done": True, "response": {"raiMediaFilteredReasons": ["long " * 10_000]}},
    ],
    ids=["openai", "gemini", "images", "videos"],
)
def test_an_explanation_is_kept_as_short_as_any_text(error: dict[str, Any]) -> None:
    """Where the message of an error is one, too."""
    for make in READERS:
        if make.reads(error):
            reader = make()
            reader.feed(error)
            outcome = reader.outcome()
            explained = [refusal.explanation for refusal in outcome.refusals] if isinstance(outcome, Refused) else []
            assert all(len(explanation or "") <= MAX_TEXT for explanation in explained), make


def test_the_name_of_an_error_event_is_kept_as_short_as_any_text() -> None:
    """Bedrock names its events by a key, and a server may name them as it likes."""
    outcome = otel_refusals.outcome_of([{f"{'long' * 10_000}Exception": {"message": "no"}}])

    assert isinstance(outcome, Errored)
    assert len(outcome.error_type) == MAX_TEXT


def test_candidates_that_are_declined_are_not_kept_with_their_ratings() -> None:
    """Only the decline that they tell, of however many candidates."""
    reader = ContentReader()
    ratings = [{"category": "HARM_CATEGORY_HARASSMENT", "padding": "x" * 10_000, "blocked": True}]
    candidates = [{"index": index, "finishReason": "SAFETY", "safetyRatings": ratings} for index in range(100)]
    reader.feed({"candidates": candidates})

    assert 100 == len(reader.outcome().refusals)  # type: ignore[union-attr]
    assert size_of(reader) < 100_000
