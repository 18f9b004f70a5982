"""One call of an SDK's method, and what the vendor answers to it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

import anthropic
import openai

from benchmarks.stress.adapters import each
from benchmarks.stress.wires import NAME, Answer, http

Outcomes = list[str]

CUTS = (anthropic.APIConnectionError, openai.APIConnectionError, http.TransportError)
SDK_ERRORS = (anthropic.APIError, openai.APIError, http.TransportError)
MESSAGES = [{"role": "user", "content": "Please."}]


@dataclass(frozen=True)
class Surface:
    """One method of an SDK, and what its vendor answers.

    Args:
        sdk: `anthropic` or `openai`.
        path: Of the resource on the client.
        arguments: Of the call.
        answers: Names of the whole answers.
        streams: Names of the streamed ones.
    """

    sdk: str
    path: str
    arguments: dict[str, Any]
    answers: tuple[str, ...]
    streams: tuple[str, ...]


SURFACES = (
    Surface(
        "anthropic",
        "messages",
        {"model": "claude-opus-5", "max_tokens": 64, "messages": MESSAGES},
        (
            *("completed_end_turn", "completed_tool_use", "refusal_pre_output_cyber", "truncated_max_tokens"),
            *("unknown_stop_reason", "missing_stop_reason", "error_529_overloaded", "error_400_output_blocked"),
        ),
        ("stream_completed", "stream_refusal_mid_text", "stream_unknown_stop_reason", "stream_error_overloaded"),
    ),
    Surface(
        "anthropic",
        "beta.messages",
        {"model": "claude-opus-5", "max_tokens": 64, "messages": MESSAGES},
        ("beta_fallback_served", "beta_fallback_exhausted", "completed_end_turn"),
        ("beta_stream_fallback_mid", "stream_refusal_pre_output"),
    ),
    Surface(
        "openai",
        "chat.completions",
        {"model": "gpt-5.5", "messages": MESSAGES},
        ("chat_completed", "chat_refusal", "chat_content_filter_empty", "chat_unknown_finish_reason", "chat_length"),
        ("chat_stream_completed", "chat_stream_content_filter_mid", "chat_stream_unknown", "chat_stream_tool_calls"),
    ),
    Surface(
        "openai",
        "responses",
        {"model": "gpt-5.5", "input": "Please."},
        ("responses_completed", "responses_refusal", "responses_failed_server_error", "error_400_cyber_policy"),
        ("responses_stream_incomplete_filter", "responses_stream_function_call", "responses_stream_failed_bio"),
    ),
)


class Call:
    """One call that is to be made: where, and what the vendor will answer.

    Args:
        client: Of the surface's SDK, sync or async.
        surface: What is called.
        asked: The vendor's answer.
        chance: Decides how far the caller reads.
        elsewhere: Other threads of the application.
    """

    def __init__(
        self, client: Any, surface: Surface, asked: Answer, chance: Random, elsewhere: ThreadPoolExecutor
    ) -> None:
        self.surface = surface
        self.asked = asked
        self.client = client
        self._elsewhere = elsewhere
        self.chance = chance
        self.some = chance.randrange(asked.events + 1)
        """How many events the caller reads before it leaves."""
        self.seen = 0
        """How many it saw; an error that the vendor sends as an event is seen as an exception."""
        self._resource = client
        for name in surface.path.split("."):
            self._resource = getattr(self._resource, name)

    def _sent(self, **headers: object) -> dict[str, Any]:
        headers = {NAME: self.asked.name, **{name: str(value) for name, value in headers.items()}}
        return {**self.surface.arguments, "extra_headers": headers}

    def create(self, kind: str = "", **headers: object) -> Any:
        """Make the call: plain, `with_raw_response` or `with_streaming_response`."""
        resource = getattr(self._resource, kind) if kind else self._resource
        streamed = {"stream": True} if self.asked.streamed else {}
        return resource.create(**self._sent(**headers), **streamed)

    def helper(self) -> Any:
        """Make the call by the SDK's own helper for streams."""
        return self._resource.stream(**self._sent())

    async def do_elsewhere(self, work: Callable[[], Any]) -> None:
        """Have another thread do `work`, and wait for it."""
        if isinstance(self.client, (anthropic.AsyncAnthropic, openai.AsyncOpenAI)):
            await asyncio.get_running_loop().run_in_executor(self._elsewhere, work)
        else:
            self._elsewhere.submit(work).result()

    @property
    def left(self) -> Outcomes:
        """The outcome of a call that was left after what the caller saw."""
        return [self.asked.after(self.seen)]

    async def read(self, stream: Any, events: int = sys.maxsize) -> None:
        """Read so many events, fewer where the stream ends or fails before."""
        items = each(stream)
        try:
            for _ in range(events):
                await items.__anext__()
                self.seen += 1
        except StopAsyncIteration:
            pass
        except CUTS:
            pass
        except SDK_ERRORS:
            self.seen += 1
