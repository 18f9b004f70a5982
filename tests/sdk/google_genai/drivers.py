"""How to make one call with the google-genai SDK, in every way that a caller can read the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from tests.fixtures import Fixture

MODEL = "asked-model"
CALL: dict[str, Any] = {"model": MODEL, "contents": "Please."}
ONE_HOP = {"automatic_function_calling": {"disable": True}}

_HTTP = {"retry_options": {"attempts": 1}} if "retry_options" in types.HttpOptions.model_fields else {}


def gemini(url: str, **http: Any) -> genai.Client:
    """A client of the Gemini API."""
    return genai.Client(api_key="key", http_options={"base_url": url, **_HTTP, **http})


def vertex(url: str) -> genai.Client:
    """A client of Vertex AI, with credentials that are good for the loopback."""
    return genai.Client(
        vertexai=True,
        project="project",
        location="us-central1",
        credentials=Credentials("token"),
        http_options={"base_url": url, **_HTTP},
    )


@asynccontextmanager
async def async_client(client: genai.Client) -> AsyncIterator[Any]:
    """The asynchronous half of `client`, closed where the SDK can."""
    try:
        yield client.aio
    finally:
        if hasattr(client.aio, "aclose"):
            await client.aio.aclose()


@cache
def _lasting(make: Callable[[str], genai.Client], url: str) -> genai.Client:
    return make(url)


@dataclass(frozen=True)
class Way:
    """One way to make a call and read its answer to the end."""

    name: str
    streamed: bool
    run: Callable[[genai.Client], None] | None = None
    run_async: Callable[[Any], Awaitable[None]] | None = None
    client: Callable[[str], genai.Client] = gemini

    def fits(self, fixture: Fixture) -> bool:
        """Whether the answer can be read this way."""
        return fixture.surface == "gemini.generate_content" and self.streamed == fixture.streamed

    def __call__(self, url: str) -> None:
        """Make the call."""
        if self.run is not None:
            self.run(_lasting(self.client, url))
        if self.run_async is not None:
            asyncio.run(self._in_a_loop(self.client(url)))  # its connections belong to one event loop

    async def _in_a_loop(self, client: genai.Client) -> None:
        assert self.run_async is not None
        async with async_client(client) as aio:
            await self.run_async(aio)


def _generate(client: genai.Client) -> None:
    client.models.generate_content(**CALL)


def _without_functions(client: genai.Client) -> None:
    client.models.generate_content(**CALL, config=ONE_HOP)


async def _generate_async(aio: Any) -> None:
    await aio.models.generate_content(**CALL)


def _unparsed(client: genai.Client) -> None:
    client.models.generate_content(**CALL, config=types.GenerateContentConfig(should_return_http_response=True))


def _chat(client: genai.Client) -> None:
    client.chats.create(model=MODEL).send_message("Please.")


async def _chat_async(aio: Any) -> None:
    await aio.chats.create(model=MODEL).send_message("Please.")


def _stream(client: genai.Client) -> None:
    for _ in client.models.generate_content_stream(**CALL):
        pass


def _stream_without_functions(client: genai.Client) -> None:
    for _ in client.models.generate_content_stream(**CALL, config=ONE_HOP):
        pass


def _stream_by_next(client: genai.Client) -> None:
    stream = client.models.generate_content_stream(**CALL)
    while next(stream, None) is not None:
        pass


async def _stream_async(aio: Any) -> None:
    async for _ in await aio.models.generate_content_stream(**CALL):
        pass


def _chat_stream(client: genai.Client) -> None:
    for _ in client.chats.create(model=MODEL).send_message_stream("Please."):
        pass


async def _chat_stream_async(aio: Any) -> None:
    async for _ in await aio.chats.create(model=MODEL).send_message_stream("Please."):
        pass


WAYS = (
    Way("generate_content", False, _generate),
    Way("generate_content, Vertex AI", False, _generate, client=vertex),
    Way("generate_content, no function calling", False, _without_functions),
    Way("generate_content, async", False, run_async=_generate_async),
    Way("generate_content, async, Vertex AI", False, run_async=_generate_async, client=vertex),
    Way("chat", False, _chat),
    Way("chat, async", False, run_async=_chat_async),
    Way("stream", True, _stream),
    Way("stream, Vertex AI", True, _stream, client=vertex),
    Way("stream, no function calling", True, _stream_without_functions),
    Way("stream, by next()", True, _stream_by_next),
    Way("stream, async", True, run_async=_stream_async),
    Way("chat stream", True, _chat_stream),
    Way("chat stream, async", True, run_async=_chat_stream_async),
)
if "should_return_http_response" in types.GenerateContentConfig.model_fields:
    WAYS = (*WAYS, Way("generate_content, unparsed", False, _unparsed))
