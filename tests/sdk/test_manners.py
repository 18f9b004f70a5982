"""How we behave inside someone else's call: the manners of the contract, as sentences, on the real SDKs."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import threading
import tracemalloc
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import anthropic
import anthropic._base_client
import openai
import pytest
import wrapt
from opentelemetry import trace
from opentelemetry.sdk.trace import Span

import otel_refusals
from otel_refusals import failure, leftovers
from otel_refusals.testing import Reply, StubServer
from otel_refusals.vendors._anthropic_messages import MessagesReader
from otel_refusals.wire import MAX_BODY
from tests.abandoned import abandon
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

_core: Any = anthropic._base_client
httpx: Any = getattr(_core, "httpx2", None) or _core.httpx
CLAUDE = ARGUMENTS["messages"]
CHAT = ARGUMENTS["chat"]
STREAM = fixture("anthropic/stream_refusal_mid_text.sse").reply
EVENTS = [wire for wire in fixture("anthropic/stream_refusal_mid_text.sse").wires if wire["type"] != "ping"]
CHUNKS = fixture("openai/chat_stream_content_filter_mid.sse").reply
REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply
COMPLETED = fixture("anthropic/completed_end_turn.json").reply


@pytest.fixture
def open_stream(claude: anthropic.Anthropic, vendor: StubServer) -> Callable[[], Any]:
    """Opens an anthropic stream that will be refused."""

    def start() -> Any:
        vendor.queue(STREAM)
        return claude.messages.create(**CLAUDE, stream=True)

    return start


def test_the_caller_gets_objects_of_the_sdks_own_types(
    recorded: Recorded, claude: anthropic.Anthropic, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """Message, stream, raw response, helper: exactly the types that the plain SDK returns."""
    vendor.queue(REFUSED, STREAM, REFUSED, STREAM, CHUNKS)
    message = claude.messages.create(**CLAUDE)
    stream = claude.messages.create(**CLAUDE, stream=True)
    raw = claude.messages.with_raw_response.create(**CLAUDE)
    types = [type(message), type(stream), type(raw), type(raw.parse()), type(raw.http_response)]
    with claude.messages.stream(**CLAUDE) as helper:
        types.append(type(helper))
    chunks = gpt.chat.completions.create(**CHAT, stream=True)
    types.append(type(chunks))
    stream.close()
    chunks.close()

    otel_refusals.uninstrument()
    vendor.queue(REFUSED, STREAM, REFUSED, STREAM, CHUNKS)
    plain = [type(claude.messages.create(**CLAUDE))]
    stream = claude.messages.create(**CLAUDE, stream=True)
    raw = claude.messages.with_raw_response.create(**CLAUDE)
    plain += [type(stream), type(raw), type(raw.parse()), type(raw.http_response)]
    with claude.messages.stream(**CLAUDE) as helper:
        plain.append(type(helper))
    chunks = gpt.chat.completions.create(**CHAT, stream=True)
    plain.append(type(chunks))
    stream.close()
    chunks.close()

    assert plain == types


def test_the_callers_exception_is_the_same_object(recorded: Recorded, vendor: StubServer) -> None:
    """Raised by the caller's own code inside the call, it comes out untouched."""
    mine = RuntimeError("mine")

    class Client(anthropic.Anthropic):
        def _prepare_options(self, options: Any) -> Any:
            raise mine

    with Client(base_url=vendor.url, api_key="key") as client, pytest.raises(RuntimeError) as raised:
        client.messages.create(**CLAUDE)

    assert mine is raised.value
    assert {"RuntimeError": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_the_options_of_a_caller_are_left_as_they_were(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """They may be used for the next request."""
    from anthropic._models import FinalRequestOptions

    options = FinalRequestOptions.construct(method="post", url="/v1/messages", json_data=dict(CLAUDE))
    before = options.post_parser
    vendor.queue(REFUSED, REFUSED)
    claude.request(anthropic.types.Message, options)
    claude.request(cast_to=anthropic.types.Message, options=options)

    assert before is options.post_parser
    assert {"refused": 2} == recorded.outcomes


def test_nothing_is_read_that_the_caller_did_not_read(recorded: Recorded, claude: anthropic.Anthropic) -> None:
    """The vendor is not asked for the next event before the caller is."""
    produced: list[int] = []
    taken = threading.Semaphore(0)

    def pieces() -> Iterator[bytes]:
        for number, wire in enumerate(EVENTS):
            produced.append(number)
            yield f"event: {wire['type']}\ndata: {json.dumps(wire)}\n\n".encode()
            taken.acquire(timeout=5)

    with (
        StubServer(lambda request: Reply(pieces(), content_type="text/event-stream")) as vendor,
        anthropic.Anthropic(base_url=vendor.url, api_key="key") as client,
        client.messages.create(**CLAUDE, stream=True) as stream,
    ):
        for number, _ in enumerate(stream):
            assert number == produced[-1]
            taken.release()

    assert {"refused": 1} == recorded.outcomes


def test_a_stream_is_reported_when_it_was_read_to_its_end(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """Not before, and once, although it is closed afterwards."""
    stream = open_stream()
    assert {} == recorded.outcomes
    list(stream)
    assert {"refused": 1} == recorded.outcomes
    stream.close()
    del stream
    gc.collect()

    assert {"refused": 1} == recorded.outcomes


def test_a_stream_that_is_closed_early_is_incomplete(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """Closed before anything was read, or in the middle."""
    open_stream().close()
    stream = open_stream()
    next(stream)
    stream.close()

    assert {"incomplete": 2} == recorded.outcomes


def test_a_stream_broken_off_in_a_with_block_is_reported_at_its_end(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """While the variable is still alive."""
    with open_stream() as stream:
        for _ in stream:
            break
        assert {} == recorded.outcomes

    assert {"incomplete": 1} == recorded.outcomes


def test_a_stream_can_be_read_on_after_a_break(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """As the plain SDK's can: two loops over one stream see all events, and one report."""
    stream = open_stream()
    events = []
    for event in stream:
        events.append(event)
        break
    events += list(stream)

    assert [wire["type"] for wire in EVENTS] == [event.type for event in events]
    assert {"refused": 1} == recorded.outcomes


@pytest.mark.parametrize("read", [0, 1, 3])
def test_a_dropped_stream_is_reported_when_nobody_holds_it(
    read: int, recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """Never started, or dropped after a few events."""
    stream = open_stream()
    for _ in range(read):
        next(stream)
    del stream
    gc.collect()

    assert {"incomplete": 1} == recorded.outcomes


def test_a_dropped_openai_stream_is_reported_by_the_garbage_collector(
    recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """That SDK's streams are cycles; its generator closes the response from inside the collector, as before."""
    vendor.queue(CHUNKS)
    stream = gpt.chat.completions.create(**CHAT, stream=True)
    next(stream)
    del stream
    gc.collect()

    assert {"incomplete": 1} == recorded.outcomes


def test_the_garbage_collectors_report_leaves_the_callers_context_variables_alone(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """It may run inside `ContextVar.set`, which before CPython 3.12 does not survive that another variable is set."""
    heard: ContextVar[object] = ContextVar("heard", default=None)
    declines: list[object] = []

    def hear(outcome: object) -> None:
        declines.append(outcome)
        heard.set(outcome)

    remove = otel_refusals.on_refusal(hear)
    stream = open_stream()
    next(event for event in stream if event.type == "message_delta")
    stream.itself = stream
    del stream
    gc.collect()
    remove()

    assert {"refused": 1} == recorded.outcomes
    assert 1 == len(declines)
    assert heard.get() is None


def test_a_refusal_that_was_seen_before_the_caller_left_stays_a_refusal(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """The caller read up to the `message_delta` and closed."""
    stream = open_stream()
    for event in stream:
        if event.type == "message_delta":
            break
    stream.close()

    assert {"refused": 1} == recorded.outcomes


def test_a_raw_response_that_is_never_read_is_incomplete(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """The body was never asked for, so nobody knows how it ended."""
    vendor.queue(REFUSED)
    with claude.messages.with_streaming_response.create(**CLAUDE):
        pass

    assert {"incomplete": 1} == recorded.outcomes


def test_a_body_that_the_caller_reads_in_small_pieces_is_read_along(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Seven bytes at a time, and every byte arrives at the caller."""
    vendor.queue(REFUSED)
    with claude.messages.with_streaming_response.create(**CLAUDE) as response:
        body = b"".join(response.iter_bytes(7))

    assert REFUSED.body == body
    assert {"refused": 1} == recorded.outcomes


def test_a_compressed_body_is_read_along(recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer) -> None:
    """As the vendors send it; one in an encoding that nobody here knows is left to the caller, and incomplete."""
    packed = gzip.compress(REFUSED.body)
    vendor.queue(Reply(packed, headers={"content-encoding": "gzip"}), Reply(packed, headers={"content-encoding": "x"}))
    with claude.messages.with_streaming_response.create(**CLAUDE) as response:
        assert REFUSED.body == b"".join(response.iter_bytes())
    with claude.messages.with_streaming_response.create(**CLAUDE) as response:
        assert packed == b"".join(response.iter_bytes())

    assert {"refused": 1, "incomplete": 1} == recorded.outcomes


def test_a_body_that_was_packed_twice_is_read_along(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """The header lists the encodings in the order in which they were applied."""
    packed = zlib.compress(gzip.compress(REFUSED.body))
    vendor.queue(Reply(packed, headers={"content-encoding": "identity, gzip, deflate"}))
    with claude.messages.with_streaming_response.create(**CLAUDE) as response:
        assert REFUSED.body == b"".join(response.iter_bytes())

    assert {"refused": 1} == recorded.outcomes


def test_a_body_too_large_to_be_read_is_incomplete_not_unknown(
    recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """Nobody is paged for a stop reason that was not looked for."""
    image = json.dumps({"created": 1, "data": [{"b64_json": "A" * MAX_BODY}]}).encode()
    vendor.queue(Reply(image))
    gpt.images.with_raw_response.generate(model="gpt-image-1", prompt="A cat")

    assert {"incomplete": 1} == recorded.outcomes


def test_a_little_that_unpacks_to_very_much_is_not_unpacked_at_once(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """By a caller that reads the bytes as they are sent, for whom nobody else unpacks them."""
    if not any(base.__module__.startswith("httpx2") for base in type(claude._client).__mro__):
        pytest.skip("the decoders of httpx unpack all at once")
    packed = gzip.compress(bytes(8 * MAX_BODY))
    vendor.queue(Reply(packed, headers={"content-encoding": "gzip"}))
    tracemalloc.start()
    try:
        with claude.messages.with_streaming_response.create(**CLAUDE) as response:
            assert packed == b"".join(response.http_response.iter_raw())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 3 * MAX_BODY
    assert {"incomplete": 1} == recorded.outcomes


def test_a_raw_response_may_be_a_temporary(
    recorded: Recorded, claude: anthropic.Anthropic, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """Nothing holds the response but the generator over its bytes."""
    vendor.queue(STREAM, CHUNKS)
    claude_bytes = claude.messages.with_raw_response.create(**CLAUDE, stream=True).http_response.iter_bytes()
    gpt_bytes = gpt.chat.completions.with_raw_response.create(**CHAT, stream=True).http_response.iter_bytes()

    assert (STREAM.body, CHUNKS.body) == (b"".join(claude_bytes), b"".join(gpt_bytes))
    assert {"refused": 2} == recorded.outcomes


def test_an_event_stream_that_was_read_already_is_read_as_events(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """A hook of the HTTP client's that reads every body, for logging; or a stream asked for by hand, as a whole."""
    import anthropic._base_client as core

    http = getattr(core, "httpx2", None) or core.httpx
    vendor.queue(STREAM, STREAM)
    with (
        http.Client(event_hooks={"response": [lambda response: response.read()]}) as hooked,
        anthropic.Anthropic(base_url=vendor.url, api_key="key", http_client=hooked) as client,
    ):
        client.messages.with_raw_response.create(**CLAUDE, stream=True)
    claude.post("/v1/messages", cast_to=http.Response, body={**CLAUDE, "stream": True})

    assert {"refused": 2} == recorded.outcomes


def test_a_stream_that_the_end_of_the_process_leaves_is_reported(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """By what runs at exit, before the exporters stop."""
    stream = open_stream()
    next(stream)
    leftovers.report_open()

    assert {"incomplete": 1} == recorded.outcomes
    stream.close()


def test_taps_can_be_closed_like_the_generators_that_they_stand_for(
    recorded: Recorded, open_stream: Callable[[], Any], vendor: StubServer
) -> None:
    """Some callers close the iterator of a stream; the HTTP libraries close what they iterate."""
    stream = open_stream()
    next(stream)
    stream._iterator.close()
    del stream

    async def close() -> None:
        async with anthropic.AsyncAnthropic(base_url=vendor.url, api_key="key") as client:
            vendor.queue(STREAM)
            stream = await client.messages.create(**CLAUDE, stream=True)
            await stream.__anext__()
            assert isinstance(stream._iterator, AsyncGenerator)
            with pytest.raises(ZeroDivisionError):
                await stream._iterator.athrow(ZeroDivisionError())
            await stream._iterator.aclose()

    asyncio.run(close())
    gc.collect()

    assert 2 == sum(recorded.outcomes.values())


def test_a_connection_that_is_cut_in_the_middle_is_incomplete(
    recorded: Recorded, claude: anthropic.Anthropic, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """The SDK raises what it raises; the vendor never said how it ended."""
    start = fixture("anthropic/stream_refusal_mid_text.sse").body[:700]
    vendor.queue(Reply(start, content_type="text/event-stream", cut=True))
    with pytest.raises(Exception, match="peer closed|incomplete"):
        list(claude.messages.create(**CLAUDE, stream=True))
    chunks = fixture("openai/chat_stream_completed.sse").body[:300]
    vendor.queue(Reply(chunks, content_type="text/event-stream", cut=True))
    with pytest.raises(Exception, match="peer closed|incomplete|Connection"):
        list(gpt.chat.completions.create(**CHAT, stream=True))

    assert {"incomplete": 2} == recorded.outcomes


def test_an_answer_that_is_not_json_is_loud(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """A gateway's error page with status 200 is a finished response without a stop reason."""
    vendor.queue(Reply(b"<html>busy</html>", content_type="text/html"))
    claude.messages.create(**CLAUDE)

    assert {"missing": 1} == recorded.sums("refusal.client.unknown_stop_reasons", "refusal.signal")


async def _cancel_while_reading(url: str, blocked: threading.Event) -> None:
    async with anthropic.AsyncAnthropic(base_url=url, api_key="key", max_retries=0) as client:
        stream = await client.messages.create(**CLAUDE, stream=True)
        first = asyncio.Event()

        async def read() -> None:
            async for _ in stream:
                first.set()

        task = asyncio.create_task(read())
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        blocked.set()


def test_a_cancelled_reader_is_incomplete_and_cancelled(recorded: Recorded) -> None:
    """`CancelledError` passes through; it is no error of the operation."""
    blocked = threading.Event()

    def pieces() -> Iterator[bytes]:
        wire = fixture("anthropic/stream_refusal_mid_text.sse").wires[0]
        yield f"event: {wire['type']}\ndata: {json.dumps(wire)}\n\n".encode()
        blocked.wait(5)

    with StubServer(lambda request: Reply(pieces(), content_type="text/event-stream")) as vendor:
        asyncio.run(_cancel_while_reading(vendor.url, blocked))

    assert {"incomplete": 1} == recorded.outcomes


class Silent(httpx.AsyncBaseTransport):  # type: ignore[misc]
    """A vendor that never answers."""

    def __init__(self, asked: asyncio.Event) -> None:
        self._asked = asked

    async def handle_async_request(self, request: Any) -> Any:
        self._asked.set()
        await asyncio.Event().wait()


async def _never_answered(asked: asyncio.Event) -> None:
    client = anthropic.AsyncAnthropic(api_key="key", http_client=httpx.AsyncClient(transport=Silent(asked)))
    await client.messages.create(**CLAUDE)


def test_an_abandoned_call_is_incomplete(recorded: Recorded) -> None:
    """Its coroutine is closed where the garbage collector happens to be, and nobody is disturbed."""
    abandon(_never_answered)()

    assert {"incomplete": 1} == recorded.outcomes


def test_an_abandoned_call_that_is_found_inside_a_lock_is_reported_by_the_next_one(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """There a report would wait for itself: an exporter may hold the lock."""
    exporter: dict[str, Any] = {"__name__": "opentelemetry.sdk.some_exporter"}
    exec("def export(work): work()", exporter)
    exporter["export"](abandon(_never_answered))
    assert {} == recorded.outcomes

    vendor.queue(REFUSED)
    claude.messages.create(**CLAUDE)
    assert {"incomplete": 1, "refused": 1} == recorded.outcomes


@pytest.mark.parametrize("name", ["queue_worker", "logging_service", "opentelemetry_app"])
def test_a_module_of_the_application_is_no_lock(name: str, recorded: Recorded) -> None:
    """Whatever its name begins with."""
    module: dict[str, Any] = {"__name__": name}
    exec("def run(work): work()", module)
    module["run"](abandon(_never_answered))

    assert {"incomplete": 1} == recorded.outcomes


def test_an_abandoned_call_takes_the_span_of_no_other(recorded: Recorded) -> None:
    """It is closed while another call is made, whose span of the SDK's own is still the one that is annotated."""
    close = abandon(_never_answered)

    def answer(request: Any) -> Any:
        close()
        return httpx.Response(200, content=REFUSED.body, headers={"content-type": "application/json"})

    with anthropic.Anthropic(api_key="key", http_client=httpx.Client(transport=httpx.MockTransport(answer))) as client:
        client.messages.create(**CLAUDE)

    (span,) = [one for one in recorded.spans if one.attributes.get("refusal.outcome") == "refused"]
    assert {"incomplete": 1, "refused": 1} == recorded.outcomes
    assert [span] == [one for one in recorded.spans if one.attributes.get("gen_ai.response.id")]


def test_a_cancelled_call_is_incomplete(recorded: Recorded) -> None:
    """Cancelled while the vendor was still silent."""
    asked, let_go = threading.Event(), threading.Event()

    def silent(request: Any) -> Reply:
        asked.set()
        let_go.wait(5)
        return REFUSED

    async def call(url: str) -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key", max_retries=0) as client:
            task = asyncio.create_task(client.messages.create(**CLAUDE))
            await asyncio.get_running_loop().run_in_executor(None, asked.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            let_go.set()

    with StubServer(silent) as vendor:
        asyncio.run(call(vendor.url))

    assert {"incomplete": 1} == recorded.outcomes


def test_an_async_stream_that_is_left_is_reported_once(recorded: Recorded, vendor: StubServer) -> None:
    """Broken off and closed; broken off and dropped; never started."""

    async def leave() -> None:
        async with anthropic.AsyncAnthropic(base_url=vendor.url, api_key="key") as client:
            vendor.queue(STREAM, STREAM, STREAM)
            async with await client.messages.create(**CLAUDE, stream=True) as stream:
                async for _ in stream:
                    break
            dropped = await client.messages.create(**CLAUDE, stream=True)
            async for _ in dropped:
                break
            del dropped, stream
            unstarted = await client.messages.create(**CLAUDE, stream=True)
            await unstarted.close()

    asyncio.run(leave())
    gc.collect()

    assert {"incomplete": 3} == recorded.outcomes


def test_two_threads_that_end_one_stream_report_it_once(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """Whoever is first."""
    for _ in range(20):
        stream = open_stream()
        next(stream)
        closers = [threading.Thread(target=stream.close) for _ in range(4)]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()

    assert {"incomplete": 20} == recorded.outcomes


@pytest.mark.parametrize("broken", ["feed", "outcome"])
def test_our_own_failure_is_counted_and_never_the_callers(
    broken: str, recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that raises costs its reading, not the answer, and not the count."""

    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(failure, "raise_failures", False)
    monkeypatch.setattr(MessagesReader, broken, fail)
    vendor.queue(REFUSED, STREAM)
    assert "refusal" == claude.messages.create(**CLAUDE).stop_reason
    assert len(list(claude.messages.create(**CLAUDE, stream=True))) > 3

    assert 2 == sum(recorded.outcomes.values())
    errors = recorded.sums("refusal.instrumentation.errors", "refusal.vendor", "error.type")
    assert errors[("anthropic", "ZeroDivisionError")] > 1


def test_a_span_that_cannot_be_written_costs_its_attributes_not_the_count(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A span of another package may raise."""

    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(failure, "raise_failures", False)
    monkeypatch.setattr(Span, "set_attributes", fail)
    vendor.queue(REFUSED, COMPLETED)
    with trace.get_tracer("other").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        claude.messages.create(**CLAUDE)
        claude.messages.create(**CLAUDE)

    assert {"refused": 1, "completed": 1} == recorded.outcomes


def test_uninstrument_restores_the_very_originals(instrument: Callable[..., Recorded]) -> None:
    """Class attributes and functions are the same objects as before."""
    import anthropic._base_client as claude_core
    import openai._base_client as gpt_core

    points = [
        (owner, name)
        for core in (claude_core, gpt_core)
        for owner in (core.SyncAPIClient, core.AsyncAPIClient)
        for name in ("request",)
    ]
    if hasattr(claude_core, "finish_api_call_span"):
        points.append((claude_core, "finish_api_call_span"))
    before = [vars(owner)[name] for owner, name in points]
    instrument()
    assert all(vars(owner)[name] is not original for (owner, name), original in zip(points, before, strict=True))
    otel_refusals.uninstrument()

    assert before == [vars(owner)[name] for owner, name in points]


def test_instrument_twice_is_once(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """The second call changes nothing."""
    first, second = instrument(), instrument()
    vendor.queue(REFUSED)
    claude.messages.create(**CLAUDE)

    assert ({"refused": 1}, {}) == (first.outcomes, second.outcomes)


def test_others_may_wrap_over_us_and_stay_when_we_go(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Ours is taken out from beneath a wrapper of wrapt's."""
    from anthropic._base_client import SyncAPIClient

    original = vars(SyncAPIClient)["request"]
    seen: list[str] = []

    def other(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append("call")
        return wrapped(*args, **kwargs)

    recorded = instrument()
    theirs = wrapt.FunctionWrapper(vars(SyncAPIClient)["request"], other)
    SyncAPIClient.request = theirs
    try:
        otel_refusals.uninstrument()
        vendor.queue(REFUSED)
        claude.messages.create(**CLAUDE)

        assert (["call"], {}) == (seen, recorded.outcomes)
        assert original is theirs.__wrapped__
    finally:
        SyncAPIClient.request = original


def test_a_wrapper_that_closed_over_ours_leaves_ours_silent(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """It cannot be taken out there, so it is switched off."""
    from anthropic._base_client import SyncAPIClient

    original = vars(SyncAPIClient)["request"]
    recorded = instrument()
    ours = vars(SyncAPIClient)["request"]

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        return ours.__get__(self, type(self))(*args, **kwargs)

    SyncAPIClient.request = theirs
    try:
        otel_refusals.uninstrument()
        vendor.queue(REFUSED)
        claude.messages.create(**CLAUDE)

        assert {} == recorded.outcomes
    finally:
        SyncAPIClient.request = original


def test_a_stream_that_was_open_at_uninstrument_is_still_reported(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """What was begun is finished."""
    stream = open_stream()
    otel_refusals.uninstrument()
    list(stream)

    assert {"refused": 1} == recorded.outcomes


def test_memory_of_a_stream_is_constant(recorded: Recorded) -> None:
    """The reader of a long stream holds no more than that of a short one."""
    import tracemalloc

    def read(deltas: int) -> int:
        reader = MessagesReader()
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 50}}
        tracemalloc.start()
        for _ in range(deltas):
            reader.feed(delta)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return held

    assert read(20_000) < read(20) + 4096


def test_a_hostile_event_type_does_not_disturb_the_caller(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """The SDK does not check what it decodes: a type may be a list, and no key of anything."""
    odd: list[Any] = [EVENTS[0], EVENTS[1], EVENTS[2], {**EVENTS[2], "type": ["x"]}, *EVENTS[3:]]
    body = b"".join(f"event: content_block_delta\ndata: {json.dumps(wire)}\n\n".encode() for wire in odd)
    vendor.queue(Reply(body, content_type="text/event-stream"))
    seen = list(claude.messages.create(**CLAUDE, stream=True))

    assert len(odd) == len(seen)
    assert {"refused": 1} == recorded.outcomes


async def _drained(stream: AsyncIterator[Any]) -> None:
    with suppress(StopAsyncIteration):
        while True:
            await stream.__anext__()


def test_an_async_stream_may_be_read_by_anext(recorded: Recorded, vendor: StubServer) -> None:
    """`__anext__` and `async for` are two readers of the same iterator."""

    async def read() -> None:
        async with anthropic.AsyncAnthropic(base_url=vendor.url, api_key="key") as client:
            vendor.queue(STREAM)
            await _drained(await client.messages.create(**CLAUDE, stream=True))

    asyncio.run(read())

    assert {"refused": 1} == recorded.outcomes
