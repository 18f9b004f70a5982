"""Calls of the real SDKs, each in the ways that a caller can read the answer, showing all that the caller gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, partial
from typing import Any

import anthropic
import botocore.session
import openai
from botocore.config import Config

from tests.drivers import ARGUMENTS, create_of, resource_of
from tests.fixtures import Fixture
from tests.sdk.botocore import calls as bedrock
from tests.sdk.cohere import driver as cohere
from tests.sdk.google_genai import drivers as gemini
from tests.sdk.mistralai import driver as mistral

Call = Callable[[], Iterator[object]]
"""Makes one call, and yields what the caller gets, until it ends or raises."""

URL = "http://vendor.test"
"""Answered in this process."""

KEY = "sk-PLANTEDkeyEND"
"""The caller's secret."""

_HELPERS = frozenset({"messages", "beta.messages", "chat", "responses"})


@cache
def _client(surface: str) -> Any:
    if surface.endswith("messages"):
        return anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
    return openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)


def _async_client(surface: str) -> Any:
    # Without certificates, whose loading would take longer than the call.
    if surface.endswith("messages"):
        http = anthropic.DefaultAsyncHttpxClient(verify=False)
        return anthropic.AsyncAnthropic(base_url=URL, api_key=KEY, max_retries=0, http_client=http)
    http = openai.DefaultAsyncHttpxClient(verify=False)
    return openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, http_client=http)


def _stainless(found: Fixture) -> Iterator[tuple[str, Call]]:
    if found.surface not in ARGUMENTS or resource_of(_client(found.surface), found.surface) is None:
        return
    if not found.streamed:
        yield "create", partial(_answer, found.surface)
        yield "raw", partial(_raw, found.surface)
        yield "create, async", partial(_from_loop, _async_answer, found.surface)
        return
    yield "stream", partial(_items, found.surface)
    yield "bytes", partial(_bytes, found.surface)
    yield "stream, async", partial(_from_loop, _async_items, found.surface)
    if found.surface in _HELPERS and hasattr(resource_of(_client(found.surface), found.surface), "stream"):
        yield "helper", partial(_helped, found.surface)


def _create(client: Any, surface: str, **more: Any) -> Any:
    return create_of(resource_of(client, surface), surface)(**ARGUMENTS[surface], **more)


def _answer(surface: str) -> Iterator[object]:
    yield _create(_client(surface), surface)


def _raw(surface: str) -> Iterator[object]:
    resource = resource_of(_client(surface), surface).with_raw_response
    yield create_of(resource, surface)(**ARGUMENTS[surface]).parse()


def _items(surface: str) -> Iterator[object]:
    with _create(_client(surface), surface, stream=True) as stream:
        yield from stream


def _bytes(surface: str) -> Iterator[object]:
    resource = resource_of(_client(surface), surface).with_streaming_response
    with create_of(resource, surface)(**ARGUMENTS[surface], stream=True) as response:
        yield from response.iter_bytes()


def _helped(surface: str) -> Iterator[object]:
    with resource_of(_client(surface), surface).stream(**ARGUMENTS[surface]) as stream:
        yield from stream


async def _async_answer(client: Any, surface: str) -> AsyncIterator[object]:
    yield await _create(client, surface)


async def _async_items(client: Any, surface: str) -> AsyncIterator[object]:
    async with await _create(client, surface, stream=True) as stream:
        async for item in stream:
            yield item


def _from_loop(make: Callable[[Any, str], AsyncIterator[object]], surface: str) -> Iterator[object]:
    """What an asynchronous call gives, and then what it raises."""
    got: list[object] = []

    async def run() -> None:
        async with _async_client(surface) as client:
            async for item in make(client, surface):
                got.append(item)  # noqa: PERF401 -- what came before an exception counts

    try:
        asyncio.run(run())
    finally:
        yield from got


def _mistral(found: Fixture) -> Iterator[tuple[str, Call]]:
    for way in mistral.ways(found):
        if not way.is_async:
            yield way.name, partial(_by_mistral, way)


@cache
def _mistral_client() -> Any:
    return mistral.Mistral(api_key=KEY, server_url=URL)


def _by_mistral(way: mistral.Way) -> Iterator[object]:
    arguments = {**way.arguments, **({"stream": True} if way.resource == "beta.responses" and way.streamed else {})}
    answer = getattr(mistral.resource_of(_mistral_client(), way.resource), way.method)(**arguments)
    yield from answer if way.streamed else (answer,)


def _cohere(found: Fixture) -> Iterator[tuple[str, Call]]:
    for way in cohere.ways(found):
        if not (way.is_async or way.raw):
            yield way.name, partial(_by_cohere, way)


@cache
def _cohere_client(name: str) -> Any:
    return getattr(cohere.cohere, name)(api_key=KEY, base_url=URL)


def _by_cohere(way: cohere.Way) -> Iterator[object]:
    client = _cohere_client(way.client)
    resource = getattr(client, way.resource) if way.resource else client
    answer = getattr(resource, way.method)(**way.arguments, request_options={"max_retries": 0})
    yield from answer if way.streamed else (answer,)


@cache
def _gemini_client() -> Any:
    return gemini.genai.Client(api_key=KEY, http_options={"base_url": URL, **gemini._HTTP})


def _gemini(found: Fixture) -> Iterator[tuple[str, Call]]:
    if found.surface == "gemini.generate_content":
        yield "generate_content", partial(_by_gemini, found.streamed)


def _by_gemini(streamed: bool) -> Iterator[object]:
    models = _gemini_client().models
    if streamed:
        yield from models.generate_content_stream(**gemini.CALL)
    else:
        yield models.generate_content(**gemini.CALL)


@cache
def _bedrock_client() -> Any:
    config = Config(retries={"total_max_attempts": 1})
    settings = {**bedrock.SETTINGS, "aws_access_key_id": KEY, "aws_secret_access_key": KEY, "aws_session_token": KEY}
    return botocore.session.Session().create_client("bedrock-runtime", endpoint_url=URL, config=config, **settings)


def _bedrock(found: Fixture) -> Iterator[tuple[str, Call]]:
    if found.surface in bedrock.CALLS:
        yield found.surface, partial(_by_bedrock, *bedrock.CALLS[found.surface], found.streamed)


def _by_bedrock(method: str, arguments: dict[str, Any], streamed: bool) -> Iterator[object]:
    answer = getattr(_bedrock_client(), method)(**arguments)
    if streamed:
        yield from bedrock.stream_of(answer)
    elif "body" in answer:
        yield answer["body"].read()
    else:
        yield answer


SDKS: dict[str, Callable[[Fixture], Iterator[tuple[str, Call]]]] = {
    "anthropic": lambda found: _stainless(found) if found.surface.endswith("messages") else iter(()),
    "openai": lambda found: _stainless(found) if not found.surface.endswith("messages") else iter(()),
    "google-genai": _gemini,
    "mistralai": _mistral,
    "cohere": _cohere,
    "botocore": _bedrock,
}
"""By SDK, the calls that a fixture can answer."""
