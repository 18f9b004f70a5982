"""One prompt put to one model, through the vendor's own SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from otel_refusals.outcome import Errored, Incomplete, Outcome
from otel_refusals.reader import field, number
from otel_refusals.reading import outcome_of
from otel_refusals.sampling.prompts import Prompt

MAX_RETRIES = 8
"""How often the SDK asks again by itself, after Retry-After where the vendor sends it."""

_INPUT = ("input_tokens", "prompt_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_OUTPUT = ("output_tokens", "completion_tokens")
_HOPELESS = {
    401: "the key is not accepted",
    403: "the key may not do this",
    404: "there is no such model or address",
}


class SampleError(Exception):
    """What makes it pointless to go on. The message says what to do."""


class RateLimitedError(SampleError):
    """The vendor's rate limit, of which the SDK's own retries have not come to the end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a prompt was answered, and what it cost; None where the vendor did not say."""

    outcome: Outcome
    input_tokens: int | None
    output_tokens: int | None


Ask = Callable[[Prompt, str], Awaitable[Answer]]
"""Puts a prompt to a model. An error that says nothing about the others is an answer, with `Errored`."""

Send = Callable[[Prompt, str], Awaitable[Any]]


@asynccontextmanager
async def anthropic(*, base_url: str | None, stream: bool, max_tokens: int) -> AsyncIterator[Ask]:
    """Asks by the Messages API. A system message becomes the API's `system`."""
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(base_url=base_url, max_retries=MAX_RETRIES)

    def send(prompt: Prompt, model: str) -> Awaitable[Any]:
        system = [message["content"] for message in prompt.messages if message["role"] == "system"]
        messages: Any = [message for message in prompt.messages if message["role"] != "system"]
        more: dict[str, Any] = {"system": "\n\n".join(map(str, system))} if system else {}
        return client.messages.create(model=model, messages=messages, max_tokens=max_tokens, stream=stream, **more)

    async with client:
        yield _asking(send)


@asynccontextmanager
async def openai(*, base_url: str | None, stream: bool, max_tokens: int) -> AsyncIterator[Ask]:
    """Asks by chat completions, which every gateway speaks, too."""
    from openai import AsyncOpenAI, OpenAIError

    try:
        client = AsyncOpenAI(base_url=base_url, max_retries=MAX_RETRIES)
    except OpenAIError as error:
        raise SampleError(str(error)) from None

    def send(prompt: Prompt, model: str) -> Awaitable[Any]:
        messages: Any = list(prompt.messages)
        more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        return client.chat.completions.create(model=model, messages=messages, max_completion_tokens=max_tokens, **more)

    async with client:
        yield _asking(send)


def _asking(send: Send) -> Ask:
    async def ask(prompt: Prompt, model: str) -> Answer:
        wires: list[Any] = []
        try:
            answer = await send(prompt, model)
            if isinstance(answer, AsyncIterator):
                async for event in answer:
                    wires.append(event)  # noqa: PERF401 - what came before an error is kept
            else:
                wires.append(answer)
        except Exception as error:
            return Answer(_outcome_of_error(error, wires), *_usage(wires))
        try:
            outcome = outcome_of(wires if len(wires) != 1 else wires[0])
        except (TypeError, ValueError):
            raise SampleError("what answered is no vendor; is --base-url the right address?") from None
        return Answer(Errored("incomplete") if isinstance(outcome, Incomplete) else outcome, *_usage(wires))

    return ask


VENDORS: dict[str, Callable[..., AbstractAsyncContextManager[Ask]]] = {"anthropic": anthropic, "openai": openai}


def _outcome_of_error(error: Exception, wires: list[Any]) -> Outcome:
    """An error may be a refusal: some vendors decline with a status.

    Raises:
        SampleError: for one that every other prompt would get, too.
    """
    status = getattr(error, "status_code", None)
    try:
        outcome = outcome_of([*wires, error])
    except TypeError:  # no vendor's error: the connection was cut, or the SDK takes no such argument
        outcome = Errored(type(error).__name__)
    if not isinstance(outcome, Errored):
        return Errored(type(error).__name__) if isinstance(outcome, Incomplete) else outcome
    if isinstance(error, (TypeError, ValueError)):
        raise SampleError(str(error).strip('"')) from None
    if status in _HOPELESS:
        raise SampleError(f"{_HOPELESS[status]} ({status}): {_said(error)}") from None
    if status == 429:
        response: Any = getattr(error, "response", None)
        wait = response.headers.get("retry-after") if response else None
        until = f"; the vendor asks to wait {wait} seconds" if wait else ""
        raise RateLimitedError(f"the rate limit did not end within {MAX_RETRIES} retries{until}") from None
    return outcome


def _said(error: Exception) -> str:
    """The vendor's own sentence, else the SDK's."""
    body = getattr(error, "body", None)
    return str(field(body, "error", "message") or field(body, "message") or error)


def _usage(wires: list[Any]) -> tuple[int | None, int | None]:
    """Input and output tokens, the last that was said of each: a stream says some at its start and some at its end."""
    said: dict[str, int] = {}
    for wire in wires:
        for usage in (field(wire, "message", "usage"), field(wire, "usage")):
            for name in (*_INPUT, *_OUTPUT):
                if (count := number(usage, name)) is not None:
                    said[name] = count
    return _sum(said, _INPUT), _sum(said, _OUTPUT)


def _sum(said: dict[str, int], names: tuple[str, ...]) -> int | None:
    found = [said[name] for name in names if name in said]
    return sum(found) if found else None
