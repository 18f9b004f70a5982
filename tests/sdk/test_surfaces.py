"""Each operation adds exactly one to `refusal.client.operations`, on every HTTP surface of both SDKs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from otel_refusals.testing import Reply, Request, StubServer
from tests.drivers import ARGUMENTS, MESSAGES
from tests.fixtures import fixture
from tests.telemetry import Recorded

CLAUDE = ARGUMENTS["messages"]
CHAT = ARGUMENTS["chat"]
REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply
REFUSED_WITH_CREDIT = Reply(
    fixture("anthropic/stream_refusal_mid_text.sse").body.replace(
        b'"category"', b'"fallback_credit_token":"token","category"'
    ),
    content_type="text/event-stream",
)
REFUSED_STREAM = fixture("anthropic/stream_refusal_mid_text.sse").reply
COMPLETED = fixture("anthropic/completed_end_turn.json").reply
FILTERED = fixture("openai/chat_content_filter_omitted_text.json").reply
RESPONSES = hasattr(openai.OpenAI, "responses")
needs_responses = pytest.mark.skipif(not RESPONSES, reason="this openai has no Responses API")
needs_fallbacks = pytest.mark.skipif(
    not hasattr(anthropic, "BetaRefusalFallbackMiddleware"), reason="this anthropic has no fallback middleware"
)


class Finding(BaseModel):
    """What a caller wants parsed."""

    severity: str
    line: int


def only_provider(recorded: Recorded) -> str:
    """The one provider that was reported."""
    ((provider, total),) = recorded.sums("refusal.client.operations", "gen_ai.provider.name").items()
    assert total == 1
    return str(provider)


def test_a_call_by_hand_is_seen(claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer) -> None:
    """`client.post(...)` with a model, as plain data, as text, as bytes and as the HTTP response itself."""
    body = {**CLAUDE}
    for cast_to in (anthropic.types.Message, object, str, bytes):
        vendor.queue(REFUSED)
        claude.post("/v1/messages", cast_to=cast_to, body=body)

    assert {"refused": 4} == recorded.outcomes


def test_a_path_spelled_with_a_host_is_seen(gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer) -> None:
    """An absolute URL, or a path without its slash."""
    vendor.queue(FILTERED, FILTERED)
    gpt.post(f"{vendor.url}/v1/chat/completions", cast_to=object, body=CHAT)
    gpt.post("chat/completions", cast_to=object, body=CHAT)

    assert {"refused": 2} == recorded.outcomes


def test_what_does_not_generate_is_no_operation(
    claude: anthropic.Anthropic, gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """Counting tokens, listing models, embeddings and moderations."""
    vendor.queue(
        Reply(b'{"input_tokens": 3}'), Reply(b'{"data": []}'), Reply(b'{"data": []}'), Reply(b'{"results": []}')
    )
    claude.messages.count_tokens(model="m", messages=MESSAGES)
    claude.models.list()
    gpt.embeddings.create(model="m", input="x", encoding_format="float")
    gpt.moderations.create(input="x")

    assert {} == recorded.outcomes
    assert [] == recorded.spans or "chat" not in {span.name for span in recorded.spans}


def test_clients_and_methods_that_existed_before_are_seen(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """A bound method and a raw-response accessor that were taken before `instrument()`."""
    create, raw_create = claude.messages.create, claude.messages.with_raw_response.create
    recorded = instrument()
    vendor.queue(REFUSED, REFUSED)
    create(**CLAUDE)
    raw_create(**CLAUDE)

    assert {"refused": 2} == recorded.outcomes


def test_retries_are_one_operation(recorded: Recorded, vendor: StubServer) -> None:
    """A 529, then a refusal: one operation, refused."""
    vendor.queue(Reply(b"{}", 529, headers={"retry-after-ms": "1"}), REFUSED)
    with anthropic.Anthropic(base_url=vendor.url, api_key="key", max_retries=1) as client:
        client.messages.create(**CLAUDE)

    assert {"refused": 1} == recorded.outcomes
    assert 2 == len(vendor.requests)


def test_a_connection_that_cannot_be_made_is_an_error(recorded: Recorded) -> None:
    """With the exception's type, and the caller gets the exception."""
    with (
        anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="key", max_retries=0) as client,
        pytest.raises(anthropic.APIConnectionError),
    ):
        client.messages.create(**CLAUDE)

    assert {("error", "APIConnectionError"): 1} == recorded.sums(
        "refusal.client.operations", "refusal.outcome", "error.type"
    )


def test_a_parse_that_raises_is_still_a_refusal(gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer) -> None:
    """`chat.completions.parse` raises `ContentFilterFinishReasonError` before the caller sees the completion."""
    vendor.queue(FILTERED)
    completions = gpt.chat.completions if hasattr(gpt.chat.completions, "parse") else gpt.beta.chat.completions
    with pytest.raises(openai.ContentFilterFinishReasonError):
        completions.parse(**CHAT, response_format=Finding)

    assert {"refused": 1} == recorded.outcomes


def test_a_length_that_fails_a_parse_is_truncated(gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer) -> None:
    """What the vendor said stands over what the SDK raised."""
    vendor.queue(fixture("openai/chat_length.json").reply)
    completions = gpt.chat.completions if hasattr(gpt.chat.completions, "parse") else gpt.beta.chat.completions
    with pytest.raises(openai.LengthFinishReasonError):
        completions.parse(**CHAT, response_format=Finding)

    assert {"truncated": 1} == recorded.outcomes


def test_arguments_of_a_tool_that_fail_a_parse_are_a_tool_call(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """The SDK runs no tools, so nothing can have failed after the answer but the SDK's own reading of it."""
    wire = json.loads(fixture("openai/chat_tool_calls.json").body)
    wire["choices"][0]["message"]["tool_calls"][0]["function"] = {"name": "Finding", "arguments": "[]"}
    vendor.queue(Reply(json.dumps(wire).encode()))
    completions = gpt.chat.completions if hasattr(gpt.chat.completions, "parse") else gpt.beta.chat.completions
    with pytest.raises(ValueError, match="Finding"):
        completions.parse(**CHAT, tools=[openai.pydantic_function_tool(Finding)])

    assert {"tool_call": 1} == recorded.outcomes


def test_an_error_beside_an_answer_is_read_however_it_is_asked_for(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """Of compatible servers: a member that the SDK does not know, and passes on."""
    wire = json.loads(fixture("openai/chat_completed.json").body)
    wire["error"] = {"code": "content_filter", "message": "Flagged."}
    vendor.queue(*[Reply(json.dumps(wire).encode())] * 2)
    gpt.chat.completions.create(**CHAT)
    gpt.chat.completions.with_raw_response.create(**CHAT)

    assert {"refused": 2} == recorded.outcomes


@pytest.mark.skipif(not hasattr(anthropic.resources.Messages, "parse"), reason="this anthropic has no messages.parse")
def test_structured_output_cut_by_a_refusal_is_a_refusal(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """`messages.parse` raises a validation error over the truncated JSON; the message is seen all the same."""
    vendor.queue(fixture("anthropic/refusal_structured_partial_json.json").reply)
    with pytest.raises(ValueError, match="Finding|JSON"):
        claude.messages.parse(**CLAUDE, output_format=Finding)

    assert {"refused": 1} == recorded.outcomes
    assert [9] == [point.value for point in recorded.points("refusal.client.discarded.output_tokens")]


@needs_responses
def test_structured_output_cut_by_the_filter_is_a_refusal(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """`responses.parse` raises over the partial text."""
    vendor.queue(fixture("openai/responses_incomplete_content_filter.json").reply)
    with pytest.raises(ValueError, match="Finding|JSON"):
        gpt.responses.parse(model="m", input="x", text_format=Finding)

    assert {"refused": 1} == recorded.outcomes


@needs_responses
def test_a_final_response_that_raises_is_still_a_refusal(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """`get_final_response()` raises unless the response completed."""
    vendor.queue(fixture("openai/responses_stream_content_filter_empty.sse").reply)
    with gpt.responses.stream(model="m", input="x") as stream, pytest.raises(RuntimeError):
        stream.get_final_response()

    assert {"refused": 1} == recorded.outcomes


def test_the_helper_of_a_chat_stream_that_raises_is_still_a_refusal(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """`.stream(response_format=...)` raises at the filter's chunk, before the usage chunk was read."""
    vendor.queue(fixture("openai/chat_stream_content_filter_first.sse").reply)
    completions = gpt.chat.completions if hasattr(gpt.chat.completions, "stream") else gpt.beta.chat.completions
    with (
        pytest.raises(openai.ContentFilterFinishReasonError),
        completions.stream(**CHAT, response_format=Finding) as stream,
    ):
        for _ in stream:
            pass

    assert {"refused": 1} == recorded.outcomes


@needs_responses
def test_a_stored_response_is_counted_once(gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer) -> None:
    """Retrieving it again, whole or streamed, is a replay."""
    refused = fixture("openai/responses_refusal.json").reply
    vendor.queue(refused, refused, refused)
    response = gpt.responses.create(model="m", input="x")
    gpt.responses.retrieve(response.id)
    gpt.responses.with_raw_response.retrieve(response.id)

    assert {"refused": 1} == recorded.outcomes


@needs_responses
def test_a_background_response_is_reported_when_a_poll_shows_how_it_ended(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """Queued is paused; polls in between are nothing; the end is counted once however often it is asked for."""
    queued = json.loads(fixture("openai/responses_queued.json").body)
    ended = {**json.loads(fixture("openai/responses_failed_misalignment.json").body), "id": queued["id"]}
    for body in (queued, queued, ended, ended):
        vendor.queue(Reply(json.dumps(body).encode()))
    gpt.responses.create(model="m", input="x", background=True)
    for _ in range(3):
        gpt.responses.retrieve(queued["id"])

    assert {"paused": 1, "refused": 1} == recorded.outcomes


@needs_responses
def test_a_poll_that_fails_is_no_operation(gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer) -> None:
    """Nothing was generated by it, and nothing was declined."""
    vendor.queue(Reply(b'{"error": {"message": "no such response"}}', 404))
    with pytest.raises(openai.NotFoundError):
        gpt.responses.retrieve("resp_404")

    assert {} == recorded.outcomes


def test_azure_has_its_own_provider_name(recorded: Recorded, vendor: StubServer) -> None:
    """And its 400 is a refusal, raised to the caller as before."""
    vendor.queue(fixture("azure_openai/error_400_prompt_two_categories.json").reply)
    with (
        openai.AzureOpenAI(azure_endpoint=vendor.url, api_key="key", api_version="2024-10-21", max_retries=0) as client,
        pytest.raises(openai.BadRequestError),
    ):
        client.chat.completions.create(**CHAT)

    assert "azure.ai.openai" == only_provider(recorded)
    assert "hate,violence" == recorded.span["refusal.raw_category"]


def test_vertex_has_its_own_provider_name(recorded: Recorded, vendor: StubServer) -> None:
    """Stable and beta messages, which are copies of the first-party class."""
    with anthropic.AnthropicVertex(
        base_url=vendor.url, region="r", project_id="p", access_token="token", max_retries=0
    ) as client:
        vendor.queue(REFUSED, REFUSED)
        client.messages.create(**CLAUDE)
        client.beta.messages.create(**CLAUDE)

    assert {"gcp.vertex_ai": 2} == recorded.sums("refusal.client.operations", "gen_ai.provider.name")
    assert "/projects/p/" in vendor.requests[0].path


def bedrock(url: str) -> anthropic.AnthropicBedrock:
    """A Bedrock client of the anthropic SDK."""
    return anthropic.AnthropicBedrock(
        base_url=url, aws_region="r", aws_access_key="a", aws_secret_key="s", max_retries=0
    )


def test_bedrock_has_its_own_provider_name(recorded: Recorded, vendor: StubServer) -> None:
    """Stable and beta messages; the model is the one that was asked for."""
    vendor.queue(REFUSED, REFUSED)
    with bedrock(vendor.url) as client:
        client.messages.create(**CLAUDE)
        client.beta.messages.create(**CLAUDE)

    labels = ("gen_ai.provider.name", "gen_ai.request.model")
    assert {("aws.bedrock", "asked-model"): 2} == recorded.sums("refusal.client.operations", *labels)


def test_bedrock_event_stream_frames_are_read(recorded: Recorded, vendor: StubServer) -> None:
    """AWS frames instead of server-sent events, decoded by the SDK above the tap."""
    from otel_refusals.testing.event_stream import frame

    frames = [frame({"chunk": {"bytes": wire}}) for wire in fixture("anthropic/stream_refusal_mid_text.sse").wires]
    vendor.queue(Reply(frames, content_type="application/vnd.amazon.eventstream"))
    with bedrock(vendor.url) as client:
        for _ in client.messages.create(**CLAUDE, stream=True):
            pass

    assert {("aws.bedrock", "mid_stream"): 1} == recorded.sums(
        "refusal.client.refusals", "gen_ai.provider.name", "refusal.stage"
    )


@pytest.mark.skipif(not hasattr(anthropic, "AnthropicFoundry"), reason="this anthropic has no Foundry client")
def test_foundry_is_seen(recorded: Recorded, vendor: StubServer) -> None:
    """A subclass of the first-party client."""
    vendor.queue(REFUSED)
    with anthropic.AnthropicFoundry(base_url=vendor.url, api_key="key", max_retries=0) as client:
        client.messages.create(**CLAUDE)

    assert "anthropic" == only_provider(recorded)


@pytest.mark.skipif(not hasattr(anthropic, "AnthropicAWS"), reason="this anthropic has no AWS client")
def test_aws_is_seen(recorded: Recorded, vendor: StubServer) -> None:
    """The first-party API on AWS."""
    vendor.queue(REFUSED)
    with anthropic.AnthropicAWS(
        base_url=vendor.url, api_key="key", aws_region="r", workspace_id="w", max_retries=0
    ) as client:
        client.messages.create(**CLAUDE)

    assert "anthropic" == only_provider(recorded)


@pytest.mark.skipif(not hasattr(anthropic, "beta_tool"), reason="this anthropic has no tool runner")
@pytest.mark.parametrize("stream", [False, True])
def test_the_tool_runner_is_one_operation_a_turn(
    stream: bool, claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """A turn that asks for a tool, then a turn that is refused."""

    @anthropic.beta_tool
    def grep() -> str:
        """Look it up."""
        return "found"

    if stream:
        vendor.queue(Reply(_tool_turn(), content_type="text/event-stream"), REFUSED_STREAM)
    else:
        vendor.queue(fixture("anthropic/completed_tool_use.json").reply, REFUSED)
    runner = claude.beta.messages.tool_runner(**CLAUDE, tools=[grep], stream=stream)
    for turn in runner:
        if stream:
            turn.get_final_message()

    assert {"tool_call": 1, "refused": 1} == recorded.outcomes


@needs_responses
def test_an_event_that_the_sdk_does_not_know_is_read(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """Whatever came before it: the SDK makes it of the class of the first event of its union, that of audio."""
    audio = {"type": "response.audio.delta", "delta": "AAAA"}
    declined = {"type": "response.declined", "response": {"id": "resp_1", "object": "response", "status": "declined"}}
    vendor.queue(Reply(_stream_of([audio, audio, declined]), content_type="text/event-stream"))
    for _ in gpt.responses.create(model="asked-model", input="Please.", stream=True):
        pass

    assert {"unknown": 1} == recorded.outcomes


def _tool_turn() -> bytes:
    events: list[dict[str, Any]] = [
        fixture("anthropic/stream_completed.sse").wires[0],
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "grep", "input": {}},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 3},
        },
        {"type": "message_stop"},
    ]
    return _stream_of(events)


def _stream_of(events: list[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


@pytest.mark.skipif(
    not hasattr(anthropic.resources.beta.messages.Messages, "thread"), reason="this anthropic has no threads"
)
def test_a_thread_is_one_operation_a_send(claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer) -> None:
    """An answered turn and a refused one."""
    vendor.queue(COMPLETED, REFUSED)
    thread = claude.beta.messages.thread(model="asked-model", max_tokens=64)
    thread.send(MESSAGES[0])
    thread.send(MESSAGES[0])

    assert {"completed": 1, "refused": 1} == recorded.outcomes


def _answer_by_model(request: Request) -> Reply:
    streamed = "stream_" if request.json.get("stream") else ""
    if request.json["model"] == "asked-model":
        return REFUSED_WITH_CREDIT if streamed else REFUSED
    return fixture("anthropic/stream_completed.sse").reply if streamed else COMPLETED


@needs_fallbacks
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_fallback_middleware_rescues_one_operation(stream: bool, asynchronous: bool, recorded: Recorded) -> None:
    """A declined hop and one that answered are one operation, rescued, with one refusal."""
    with StubServer(_answer_by_model) as vendor:
        settings: dict[str, Any] = {
            "base_url": vendor.url,
            "api_key": "key",
            "max_retries": 0,
            "middleware": [anthropic.BetaRefusalFallbackMiddleware([{"model": "kind-model"}])],
        }
        if asynchronous:
            asyncio.run(_send_async(settings, stream))
        else:
            with anthropic.Anthropic(**settings) as client:
                answer = client.beta.messages.create(**CLAUDE, stream=stream)
                if stream:
                    for _ in answer:
                        pass

        assert 2 == len(vendor.requests)
    assert {"rescued": 1} == recorded.outcomes
    assert {"rescued": 1} == recorded.sums("refusal.client.refusals", "refusal.outcome")
    assert "rescued" == recorded.span["refusal.outcome"]


async def _send_async(settings: dict[str, Any], stream: bool) -> None:
    async with anthropic.AsyncAnthropic(**settings) as client:
        answer = await client.beta.messages.create(**CLAUDE, stream=stream)
        if stream:
            async for _ in answer:
                pass


@needs_fallbacks
def test_a_fallback_that_declines_too_is_refused(recorded: Recorded) -> None:
    """The non-streaming middleware hides the first decline when all decline."""
    with (
        StubServer(lambda request: REFUSED) as vendor,
        anthropic.Anthropic(
            base_url=vendor.url,
            api_key="key",
            middleware=[anthropic.BetaRefusalFallbackMiddleware([{"model": "kind-model"}])],
        ) as client,
    ):
        client.beta.messages.create(**CLAUDE)

    assert {"refused": 1} == recorded.outcomes
    assert "refused" == recorded.span["refusal.outcome"]


@needs_fallbacks
def test_a_middleware_that_answers_itself_is_read(recorded: Recorded, vendor: StubServer) -> None:
    """A cache of the caller's, say: the SDK parses nothing then."""
    message = anthropic.types.Message.model_validate_json(fixture("anthropic/refusal_pre_output_cyber.json").body)
    with anthropic.Anthropic(base_url=vendor.url, api_key="key", middleware=[lambda request, nxt: message]) as client:
        assert message is client.messages.create(**CLAUDE)

    assert {"refused": 1} == recorded.outcomes


def test_the_module_level_client_is_seen(
    recorded: Recorded, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`openai.chat.completions.create` uses a client of the same class."""
    monkeypatch.setattr(openai, "api_key", "key")
    monkeypatch.setattr(openai, "base_url", f"{vendor.url}/v1/")
    vendor.queue(FILTERED)
    openai.chat.completions.create(**CHAT)
    openai._reset_client()

    assert {"refused": 1} == recorded.outcomes


def test_several_choices_are_one_operation_with_several_refusals(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """Two of three choices declined: one operation, two refusals, discarded tokens unknown."""
    vendor.queue(fixture("openai/chat_n3_mixed.json").reply)
    gpt.chat.completions.create(**CHAT, n=3)

    assert {"refused": 1} == recorded.outcomes
    assert {"classifier": 1, "model": 1} == recorded.sums("refusal.client.refusals", "refusal.source")
    assert [] == recorded.points("refusal.client.discarded.output_tokens")
    assert 2 == recorded.span["refusal.count"]
