"""Several streams of the real SDKs, used in any order that Hypothesis thinks of: each is reported once, when it ends,
with the outcome that its caller saw.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from itertools import count
from typing import Any

import anthropic
import openai
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

import otel_refusals
from benchmarks.stress.adapters import settled
from benchmarks.stress.books import Books
from benchmarks.stress.calls import CUTS, SDK_ERRORS
from benchmarks.stress.wires import CUT, HOLD, NAME, Answer, answer, client

ANSWERS = {
    "anthropic": ("completed", "refusal_mid_text", "unknown_stop_reason", "error_overloaded"),
    "openai": ("completed", "content_filter_mid", "unknown"),
}
PREFIX = {"anthropic": "stream", "openai": "chat_stream"}
REPLIES = [answer(f"{vendor}/{PREFIX[vendor]}_{name}") for vendor, names in ANSWERS.items() for name in names]
MESSAGES: Any = [{"role": "user", "content": "Please."}]


class Stream:
    """One stream, and what its caller knows of it."""

    def __init__(self, stream: Any, asked: Answer, name: str, *, is_async: bool) -> None:
        self.stream = stream
        self.asked = asked
        self.name = name
        self.is_async = is_async
        self.seen = 0
        self.ended = False

    async def take(self) -> bool:
        """Read one event; whether there was one."""
        try:
            if self.is_async:
                await self.stream.__anext__()
            else:
                next(self.stream)
        except (StopIteration, StopAsyncIteration, *CUTS):
            self.ended = True
        except SDK_ERRORS:
            self.seen += 1
            self.ended = True
        else:
            self.seen += 1
        return not self.ended


class Streams(RuleBasedStateMachine):
    """What a caller may do, and the one law."""

    streams = Bundle("streams")

    @initialize()
    def begin(self) -> None:
        """Instrument; a client of each kind."""
        self.books = Books()
        self.books.instrument()
        self.loop = asyncio.new_event_loop()
        self.names = map("stream-{}".format, count())
        self.open: list[Stream] = []
        self.expected: dict[tuple[str, ...], int] = {}
        settings: Any = {"base_url": "http://in.process", "api_key": "none", "max_retries": 0}
        self.clients = {
            (cls.__module__.partition(".")[0], is_async): cls(**settings, http_client=client(is_async=is_async))
            for is_async, kinds in (
                (False, (anthropic.Anthropic, openai.OpenAI)),
                (True, (anthropic.AsyncAnthropic, openai.AsyncOpenAI)),
            )
            for cls in kinds
        }

    def run(self, work: Any) -> Any:
        """Do asynchronous work, and whatever the loop has to do besides."""

        async def worked() -> Any:
            result = await work
            for _ in range(5):
                await asyncio.sleep(0)
            return result

        return self.loop.run_until_complete(worked())

    @rule(target=streams, asked=st.sampled_from(REPLIES), cut=st.none() | st.integers(0, 6), is_async=st.booleans())
    def call(self, asked: Answer, cut: int | None, is_async: bool) -> Stream:
        """Open a stream, whose connection may break."""
        vendor = asked.name.partition("/")[0]
        sdk = self.clients[vendor, is_async]
        create = sdk.messages.create if vendor == "anthropic" else sdk.chat.completions.create
        name = next(self.names)
        headers = {NAME: asked.name, HOLD: "4", **({} if cut is None else {CUT: str(cut)})}
        if not is_async:
            del headers[HOLD]
        with otel_refusals.workload(name):
            opened = self.run(
                settled(create(model="m", max_tokens=9, messages=MESSAGES, stream=True, extra_headers=headers))
            )
        stream = Stream(opened, asked, name, is_async=is_async)
        self.open.append(stream)
        return stream

    @rule(stream=streams, events=st.integers(1, 4))
    def read(self, stream: Stream, events: int) -> None:
        """Take some events; an async vendor says nothing after its fourth piece, and the caller loses patience."""

        async def take() -> None:
            for _ in range(events):
                if stream.stream is None or not await stream.take():
                    break

        async def impatient() -> None:
            task = asyncio.ensure_future(take())
            for _ in range(60):
                await asyncio.sleep(0)
            if task.cancel():
                stream.ended = True
            with suppress(asyncio.CancelledError):
                await task

        if not stream.ended and stream.stream is not None:
            self.run(impatient() if stream.is_async else take())
            self._note(stream)

    @rule(stream=streams)
    def close(self, stream: Stream) -> None:
        """Close it; perhaps not for the first time."""
        if stream.stream is not None:
            self.run(settled(stream.stream.close()))
            stream.ended = True
            self._note(stream)

    @rule(stream=streams)
    def close_the_response(self, stream: Stream) -> None:
        """Close what lies below it."""
        if stream.stream is not None:
            response = stream.stream.response
            self.run(settled(response.aclose() if stream.is_async else response.close()))
            stream.ended = True
            self._note(stream)

    @rule(stream=consumes(streams))
    def drop(self, stream: Stream) -> None:
        """Forget it; then the garbage collector comes."""
        stream.stream = None
        stream.ended = True
        gc.collect()
        self.run(asyncio.sleep(0))
        gc.collect()
        self._note(stream)

    @rule()
    def instrument_anew(self) -> None:
        """Off and on again: what is open is reported all the same."""
        otel_refusals.uninstrument()
        self.books.instrument()

    def _note(self, stream: Stream) -> None:
        if stream.ended and stream in self.open:
            self.open.remove(stream)
            self.expected[stream.name, stream.asked.after(stream.seen)] = 1

    @invariant()
    def each_that_ended_was_reported_once(self) -> None:
        """And none before."""
        if hasattr(self, "books"):
            assert self.expected == dict(self.books.operations)

    def teardown(self) -> None:
        """What is still open ends with the caller."""
        if not hasattr(self, "books"):
            return
        for stream in list(self.open):
            self.close(stream)
        self.each_that_ended_was_reported_once()
        otel_refusals.uninstrument()
        self.run(self.loop.shutdown_asyncgens())
        self.loop.close()


class TestStreams(Streams.TestCase):  # type: ignore[misc]
    """The machine as a test; the heap of the other tests is kept from the collector, which has enough to do."""

    settings = settings(max_examples=25, stateful_step_count=20, database=None)

    def setUp(self) -> None:
        gc.collect()
        gc.freeze()

    def tearDown(self) -> None:
        gc.unfreeze()
