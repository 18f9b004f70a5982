"""What `inject` promises beside the refusal itself: what it leaves alone, what it blocks, that it leaves no trace."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any, Literal

import anthropic
import httpx2
import openai
import pytest

from otel_refusals.testing import CallBlocked, RefusalRecorder, Reply, Scenario, ScenarioError, StubServer, inject, wire
from tests.injected import NOWHERE

ASK: dict[str, Any] = {"model": "claude-opus-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Please."}]}
CHAT: dict[str, Any] = {"model": "gpt-5.5", "messages": ASK["messages"]}


@pytest.fixture(scope="module")
def claude() -> anthropic.Anthropic:
    """A client that was made before any injection."""
    return anthropic.Anthropic(api_key="key", base_url=NOWHERE, max_retries=0)


@pytest.fixture(scope="module")
def gpt() -> openai.OpenAI:
    """The same of openai, which would try again."""
    return openai.OpenAI(api_key="key", base_url=NOWHERE)


def test_the_answer_is_the_sdks_own(claude: anthropic.Anthropic) -> None:
    """Its type, its helpers, and what a refusal before output reports as usage."""
    with inject("anthropic", category="bio") as injection:
        message = claude.messages.create(**ASK)

    assert type(message) is anthropic.types.Message
    assert ("refusal", "bio", []) == (message.stop_reason, message.stop_details.category, message.content)
    assert 1 == message.usage.output_tokens
    assert ["/v1/messages"] == [request.path for request in injection.requests]


def test_tokens_come_one_by_one(claude: anthropic.Anthropic) -> None:
    """As many as were asked for, then the refusal; usage counts them."""
    with inject("anthropic", stage="mid_stream", after_tokens=40), claude.messages.stream(**ASK) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()

    assert 40 == len(pieces) == message.usage.output_tokens
    assert "refusal" == message.stop_reason


def test_a_tool_call_is_cut_inside_its_arguments(claude: anthropic.Anthropic) -> None:
    """The tool is the first one that the request offers; its input is no whole JSON."""
    tools: Any = [{"name": "grep", "input_schema": {"type": "object"}}]
    with inject("anthropic", stage="mid_stream", content="tool"):
        events = list(claude.messages.create(**ASK, tools=tools, stream=True))

    names = [event.content_block.name for event in events if event.type == "content_block_start"]
    arguments = "".join(event.delta.partial_json for event in events if event.type == "content_block_delta")
    assert ["grep"] == names
    assert arguments.startswith('{"query"')
    assert not arguments.endswith("}")


def test_a_client_made_inside_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The placeholder is gone afterwards; a key that is there stays."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "mine")
    with inject("openai", source="model"):
        completion = openai.OpenAI().chat.completions.create(**CHAT)
        assert "mine" == os.environ["ANTHROPIC_API_KEY"]

    assert completion.choices[0].message.refusal
    assert "OPENAI_API_KEY" not in os.environ
    assert "mine" == os.environ["ANTHROPIC_API_KEY"]


def test_a_call_of_another_vendor_is_blocked(gpt: openai.OpenAI) -> None:
    """At once: an SDK that retries, and an application that catches `Exception`, do not get hold of it."""
    with inject("anthropic"), pytest.raises(CallBlocked, match="POST /chat/completions of openai"):
        gpt.chat.completions.create(**CHAT)
    with inject("anthropic"), pytest.raises(CallBlocked, match="GET /models of openai"):
        gpt.models.list()


def test_another_model_is_another_call(claude: anthropic.Anthropic) -> None:
    """`model` is a pattern; what it leaves is completed when asked for."""
    with inject("anthropic", model="claude-haiku-*", others="answer") as injection:
        message = claude.messages.create(**ASK)

    assert "end_turn" == message.stop_reason
    assert [] == injection.requests


def test_other_calls_can_pass() -> None:
    """To where the client sends them."""
    with StubServer() as server, inject("anthropic", others="pass"):
        server.queue(Scenario(outcome="truncated"))
        client = openai.OpenAI(api_key="key", base_url=server.url)
        assert "length" == client.chat.completions.create(**CHAT).choices[0].finish_reason


def test_what_is_no_call_of_a_vendor_is_left_alone() -> None:
    """The application's other HTTP traffic, also where a vendor has a path that anyone may have."""
    with StubServer(lambda _: Reply(b"mine")) as server, inject("openai"):
        for path in ("v1/orders", "videos/1", "responses/1"):
            assert "mine" == httpx2.get(f"{server.url}/{path}").text


def test_only_so_many_times(claude: anthropic.Anthropic) -> None:
    """Then it is another call."""
    with inject("anthropic", times=1, others="answer"):
        ended = [claude.messages.create(**ASK).stop_reason for _ in range(3)]

    assert ["refusal", "end_turn", "end_turn"] == ended


def test_the_innermost_comes_first(claude: anthropic.Anthropic, gpt: openai.OpenAI) -> None:
    """And what it is not for goes to the next one out."""
    with inject("anthropic", category="bio"), inject("openai"):
        assert "bio" == claude.messages.create(**ASK).stop_details.category
        with inject("anthropic", category="cyber"):
            assert "cyber" == claude.messages.create(**ASK).stop_details.category
        assert "content_filter" == gpt.chat.completions.create(**CHAT).choices[0].finish_reason


def test_it_decorates_functions_and_coroutine_functions(claude: anthropic.Anthropic) -> None:
    """Each call anew."""

    @inject("anthropic", times=1)
    def ask() -> str | None:
        return claude.messages.create(**ASK).stop_reason

    @inject("anthropic", outcome="truncated")
    async def ask_async() -> str | None:
        async with anthropic.AsyncAnthropic() as client:
            return (await client.messages.create(**ASK)).stop_reason

    assert ["refusal", "refusal"] == [ask(), ask()]
    assert "max_tokens" == asyncio.run(ask_async())


def test_a_fixture_can_be_sent_instead(gpt: openai.OpenAI) -> None:
    """Also where no scenario is spoken, and with the SDK's exceptions."""
    with inject("openai", wire=wire("openai", "error_400_moderation_blocked")), pytest.raises(openai.BadRequestError):
        gpt.images.generate(model="m", prompt="x")


def test_everything_is_put_back() -> None:
    """The very functions, however deep and however it ends."""
    owners = (httpx2.Client, httpx2.AsyncClient)
    before = [vars(owner)["_transport_for_url"] for owner in owners]
    with suppress(ZeroDivisionError), inject("anthropic"), inject("openai"):
        assert before != [vars(owner)["_transport_for_url"] for owner in owners]
        raise ZeroDivisionError

    assert before == [vars(owner)["_transport_for_url"] for owner in owners]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"vendor": "bedrock"}, "vendor='bedrock': not one of anthropic, openai, google_genai, botocore"),
        ({"vendor": "openai", "outcome": "declined"}, "outcome='declined': not one of completed"),
        ({"vendor": "openai", "stage": "later"}, "stage='later'"),
        ({"vendor": "openai", "after_tokens": 0}, "after_tokens=0: not a positive whole number"),
        ({"vendor": "openai", "source": "model", "stage": "mid_stream"}, "source='model'"),
        ({"vendor": "openai", "others": "ignore"}, "others='ignore': not one of block, pass, answer"),
    ],
)
def test_a_bad_value_is_named(arguments: dict[str, Any], told: str) -> None:
    """Before anything is patched."""
    with pytest.raises(ScenarioError, match=told.replace("(", r"\(")):
        inject(**arguments)


def test_an_image_is_refused_after_a_partial_one() -> None:
    """By an event of its stream; before that it is an error, streamed or not."""
    with RefusalRecorder() as recorder, openai.OpenAI(api_key="key", base_url=NOWHERE, max_retries=0) as client:
        stages: tuple[Literal["mid_stream", "pre_output"], ...] = ("mid_stream", "pre_output")
        for stage in stages:
            with inject("openai", Scenario(stage=stage)), suppress(openai.APIError):
                list(client.images.generate(prompt="A cat.", model="m", stream=True))

    assert ["mid_stream", "pre_output"] == [refusal.stage for refusal in recorder.refusals]


@pytest.mark.filterwarnings("ignore:The Sora API")
def test_a_video_waits_before_it_is_refused() -> None:
    """The job is queued; the poll shows how it ended, and every later one the same."""
    with (
        RefusalRecorder() as recorder,
        openai.OpenAI(api_key="key", base_url=NOWHERE, max_retries=0) as client,
        inject("openai") as injection,
    ):
        job = client.videos.create_and_poll(prompt="A cat.", poll_interval_ms=1)
        client.videos.retrieve(job.id)

    assert ("failed", "moderation_blocked") == (job.status, job.error.code if job.error else None)
    assert {"paused": 1, "refused": 1} == recorder.operations
    assert ["POST", "GET", "GET"] == [request.method for request in injection.requests]


@pytest.mark.parametrize("outcome", ["refused", "unknown", "completed"])
def test_a_line_of_a_batch_ends_as_told(outcome: Any, claude: anthropic.Anthropic) -> None:
    """After the batch itself, which is no call that could be refused."""
    with RefusalRecorder() as recorder, inject("anthropic", outcome=outcome) as injection:
        lines = list(claude.messages.batches.results("msgbatch_1"))

    assert ["succeeded"] == [line.result.type for line in lines]
    assert {outcome: 1} == recorder.operations
    assert ["/v1/messages/batches/msgbatch_1/results"] == [request.path for request in injection.requests]


def test_a_response_that_is_asked_for_again_is_the_same(gpt: openai.OpenAI) -> None:
    """One operation, however often it is retrieved, whole or streamed."""
    with RefusalRecorder() as recorder, inject("openai"):
        response = gpt.responses.create(model="m", input="Please.")
        assert response.id == gpt.responses.retrieve(response.id).id
        list(gpt.responses.retrieve(response.id, stream=True))

    assert {"refused": 1} == recorder.operations
