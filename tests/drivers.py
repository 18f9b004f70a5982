"""How to make one call with the real SDKs, in every way that a caller can read the answer.

A way is a function from a client pair and the arguments to nothing: it makes the call and reads the answer to its
end. Ways that the installed SDK does not have are left out when the tests are collected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import anthropic
import openai

from tests.fixtures import Fixture

MESSAGES = [{"role": "user", "content": "Please."}]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "messages": {"model": "asked-model", "max_tokens": 64, "messages": MESSAGES},
    "beta.messages": {"model": "asked-model", "max_tokens": 64, "messages": MESSAGES},
    "chat": {"model": "asked-model", "messages": MESSAGES},
    "completions": {"model": "asked-model", "prompt": "Please."},
    "responses": {"model": "asked-model", "input": "Please."},
    "images": {"model": "asked-model", "prompt": "Please."},
    "decisions": {"model": "asked-model", "input": "Please.", "questions": []},
}
_RESOURCES = {"chat": "chat.completions"}
_METHODS = {"images": "generate"}


def resource_of(client: Any, surface: str) -> Any:
    """The resource object of a surface; None where the installed SDK has none."""
    resource = client
    for name in _RESOURCES.get(surface, surface).split("."):
        resource = getattr(resource, name, None)
    return resource


def create_of(resource: Any, surface: str) -> Any:
    """The method that makes the call."""
    return getattr(resource, _METHODS.get(surface, "create"))


def clients(surface: str, url: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Makers of a sync and of an async client."""
    if surface.endswith("messages"):
        settings: dict[str, Any] = {"base_url": url, "api_key": "key", "max_retries": 0}
        return partial(anthropic.Anthropic, **settings), partial(anthropic.AsyncAnthropic, **settings)
    settings = {"base_url": f"{url}/v1", "api_key": "key", "max_retries": 0}
    return partial(openai.OpenAI, **settings), partial(openai.AsyncOpenAI, **settings)


@cache
def _has(surface: str, method: str = "") -> bool:
    """Whether the installed SDK has that surface, with that method."""
    make, _ = clients(surface, "http://127.0.0.1")
    with make() as client:
        resource = resource_of(client, surface)
        return resource is not None and (not method or hasattr(resource, method))


Sync = Callable[[Any, str, dict[str, Any]], None]
Async = Callable[[Any, str, dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Way:
    """One way to make a call and read its answer."""

    name: str
    streamed: bool
    run: Sync | None = None
    run_async: Async | None = None
    only: tuple[str, ...] = ()

    def fits(self, fixture: Fixture) -> bool:
        """Whether the answer can be read this way."""
        surface = fixture.surface
        if self.streamed != fixture.streamed or (self.only and surface not in self.only):
            return False
        return _has(surface, "stream") if self.only else _has(surface)

    def __call__(self, surface: str, url: str) -> None:
        """Make the call."""
        make, make_async = clients(surface, url)
        arguments = ARGUMENTS[surface]
        if self.run is not None:
            with make() as client:
                self.run(resource_of(client, surface), surface, arguments)
        if self.run_async is not None:
            asyncio.run(self._in_a_loop(make_async, surface, arguments))

    async def _in_a_loop(self, make: Callable[[], Any], surface: str, arguments: dict[str, Any]) -> None:
        assert self.run_async is not None
        async with make() as client:
            await self.run_async(resource_of(client, surface), surface, arguments)


def _create(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    create_of(resource, surface)(**arguments)


async def _create_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    await create_of(resource, surface)(**arguments)


def _raw(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    create_of(resource.with_raw_response, surface)(**arguments)


async def _raw_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    await create_of(resource.with_raw_response, surface)(**arguments)


def _raw_parsed(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    create_of(resource.with_raw_response, surface)(**arguments).parse()


def _later_parsed(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with create_of(resource.with_streaming_response, surface)(**arguments) as response:
        response.parse()


async def _later_parsed_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    async with create_of(resource.with_streaming_response, surface)(**arguments) as response:
        await response.parse()


def _later_json(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with create_of(resource.with_streaming_response, surface)(**arguments) as response:
        response.json()


def _later_bytes(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with create_of(resource.with_streaming_response, surface)(**arguments) as response:
        for _ in response.iter_bytes():
            pass


async def _later_bytes_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    async with create_of(resource.with_streaming_response, surface)(**arguments) as response:
        async for _ in response.iter_bytes():
            pass


def _drained(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with create_of(resource, surface)(**arguments, stream=True) as stream:
        for _ in stream:
            pass


def _by_next(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    stream = create_of(resource, surface)(**arguments, stream=True)
    while next(stream, None) is not None:
        pass


async def _drained_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    async with await create_of(resource, surface)(**arguments, stream=True) as stream:
        async for _ in stream:
            pass


def _raw_stream(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    response = create_of(resource.with_raw_response, surface)(**arguments, stream=True)
    with response.parse() as stream:
        for _ in stream:
            pass


async def _raw_stream_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    response = await create_of(resource.with_raw_response, surface)(**arguments, stream=True)
    stream = response.parse()
    async with await stream if asyncio.iscoroutine(stream) else stream as events:
        async for _ in events:
            pass


def _lines(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with create_of(resource.with_streaming_response, surface)(**arguments, stream=True) as response:
        for _ in response.iter_lines():
            pass


async def _lines_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    async with create_of(resource.with_streaming_response, surface)(**arguments, stream=True) as response:
        async for _ in response.iter_lines():
            pass


def _helper(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with resource.stream(**arguments) as stream:
        for _ in stream:
            pass


async def _helper_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    async with resource.stream(**arguments) as stream:
        async for _ in stream:
            pass


def _text_stream(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with resource.stream(**arguments) as stream:
        for _ in stream.text_stream:
            pass


def _final_message(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    with resource.stream(**arguments) as stream:
        stream.get_final_message()


async def _final_message_async(resource: Any, surface: str, arguments: dict[str, Any]) -> None:
    async with resource.stream(**arguments) as stream:
        await stream.get_final_message()


_HELPERS = ("messages", "beta.messages", "chat", "responses")
_CLAUDE = ("messages", "beta.messages")

WAYS = (
    Way("create", False, _create),
    Way("create, async", False, run_async=_create_async),
    Way("raw, never parsed", False, _raw),
    Way("raw, never parsed, async", False, run_async=_raw_async),
    Way("raw, parsed", False, _raw_parsed),
    Way("streaming response, parsed", False, _later_parsed),
    Way("streaming response, parsed, async", False, run_async=_later_parsed_async),
    Way("streaming response, json", False, _later_json),
    Way("streaming response, bytes", False, _later_bytes),
    Way("streaming response, bytes, async", False, run_async=_later_bytes_async),
    Way("stream", True, _drained),
    Way("stream, by next()", True, _by_next),
    Way("stream, async", True, run_async=_drained_async),
    Way("raw stream, parsed", True, _raw_stream),
    Way("raw stream, parsed, async", True, run_async=_raw_stream_async),
    Way("streaming response, lines", True, _lines),
    Way("streaming response, lines, async", True, run_async=_lines_async),
    Way("helper", True, _helper, only=_HELPERS),
    Way("helper, async", True, run_async=_helper_async, only=_HELPERS),
    Way("helper, text_stream", True, _text_stream, only=_CLAUDE),
    Way("helper, get_final_message", True, _final_message, only=_CLAUDE),
    Way("helper, get_final_message, async", True, run_async=_final_message_async, only=_CLAUDE),
)
