"""Frameworks on top of the SDKs are seen without code of ours for them: one operation per request, each refused.

Not part of the default run, because of what has to be installed: `make frameworks`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from otel_refusals.testing import Reply, Request, StubServer
from tests.fixtures import fixture
from tests.telemetry import Recorded

# Frameworks warn about themselves and each other.
pytestmark = pytest.mark.filterwarnings("ignore")

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

ANSWERS = {
    "/messages": ("anthropic/refusal_pre_output_cyber.json", "anthropic/stream_refusal_mid_text.sse"),
    "/responses": ("openai/responses_refusal.json", "openai/responses_stream_refusal.sse"),
    "/completions": ("openai/chat_refusal.json", "openai/chat_stream_content_filter_mid_usage.sse"),
}


class Finding(BaseModel):
    """What a caller wants parsed."""

    line: int


def answer(request: Request) -> Reply:
    """A refusal, whole or streamed."""
    whole, streamed = ANSWERS["/" + request.path.partition("?")[0].rpartition("/")[2]]
    return fixture(streamed if request.json.get("stream") else whole).reply


@pytest.fixture
def vendor() -> Iterator[StubServer]:
    """A vendor that refuses everything."""
    with StubServer(answer) as server:
        yield server


def langchain_anthropic(url: str) -> None:
    """Plain and streamed."""
    from langchain_anthropic import ChatAnthropic

    model = ChatAnthropic(model="m", base_url=url, api_key="key", max_retries=0)
    model.invoke("hi")
    list(model.stream("hi"))


def langchain_openai(url: str) -> None:
    """Chat and responses, plain and streamed, and structured output."""
    from langchain_openai import ChatOpenAI

    for responses in (False, True):
        model = ChatOpenAI(model="m", base_url=f"{url}/v1", api_key="key", max_retries=0, use_responses_api=responses)
        model.invoke("hi")
        list(model.stream("hi"))
    with suppress(Exception):
        ChatOpenAI(model="m", base_url=f"{url}/v1", api_key="key").with_structured_output(Finding).invoke("hi")


def pydantic_ai(url: str) -> None:
    """Chat and responses, which it calls asynchronously."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async def run(kind: Any) -> None:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="key", max_retries=0) as client:
            agent = Agent(kind("m", provider=OpenAIProvider(openai_client=client)))
            with suppress(Exception):
                await agent.run("hi")
            with suppress(Exception):
                async with agent.run_stream("hi") as result:
                    async for _ in result.stream_text():
                        pass

    for kind in (OpenAIChatModel, OpenAIResponsesModel):
        asyncio.run(run(kind))


def litellm(url: str) -> None:
    """The route that enters the openai SDK, plain and streamed."""
    import litellm as framework

    call: dict[str, Any] = {"model": "openai/m", "api_base": f"{url}/v1", "api_key": "key", "num_retries": 0}
    call["messages"] = [{"role": "user", "content": "hi"}]
    framework.completion(**call)
    list(framework.completion(**call, stream=True))


def instructor(url: str) -> None:
    """It asks again for what cannot be parsed: each request is an operation."""
    import instructor as framework

    client = framework.from_openai(openai.OpenAI(base_url=f"{url}/v1", api_key="key", max_retries=0))
    with suppress(Exception):
        client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], response_model=Finding, max_retries=1
        )


def openai_agents(url: str) -> None:
    """The OpenAI Agents SDK, on responses and on chat."""
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, set_tracing_disabled

    set_tracing_disabled(True)

    async def run(kind: Any) -> None:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="key", max_retries=0) as client:
            with suppress(Exception):
                await Runner.run(Agent(name="a", model=kind(model="m", openai_client=client)), "hi", max_turns=1)

    for kind in (OpenAIResponsesModel, OpenAIChatCompletionsModel):
        asyncio.run(run(kind))


@pytest.mark.parametrize(
    "use",
    [langchain_anthropic, langchain_openai, pydantic_ai, litellm, instructor, openai_agents],
    ids=lambda use: use.__name__,
)
def test_every_request_of_a_framework_is_one_refused_operation(
    use: Callable[[str], None], recorded: Recorded, vendor: StubServer
) -> None:
    """Whatever the framework makes of the refusal."""
    use(vendor.url)

    assert vendor.requests
    assert {"refused": len(vendor.requests)} == recorded.outcomes
