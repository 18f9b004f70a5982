"""How we behave inside a call of the google-genai SDK."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import chats, errors, models, types
from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from packaging.version import Version

import otel_refusals
from otel_refusals.testing import Reply, StubServer
from tests.abandoned import abandon
from tests.fixtures import fixture
from tests.sdk.google_genai.drivers import CALL, MODEL, async_client, gemini
from tests.telemetry import Recorded

REFUSED = fixture("gemini/candidate_safety_partial.json").reply
STREAM = fixture("gemini/stream_safety_mid.sse").reply
TOOL_CALL = fixture("gemini/candidate_tool_call.json").reply
METHODS = [
    (owner, name)
    for owner in (models.Models, models.AsyncModels)
    for name in ("generate_content", "generate_content_stream")
] + [(owner, name) for owner in (chats.Chat, chats.AsyncChat) for name in ("send_message", "send_message_stream")]


@pytest.fixture(scope="module")
def client(_server: StubServer) -> genai.Client:
    """A client, made once: wrapping works on clients that exist already."""
    return gemini(_server.url)


@pytest.fixture
def open_stream(client: genai.Client, vendor: StubServer) -> Callable[[], Any]:
    """Begins a stream that will be refused: three chunks, the last one blocks."""

    def start() -> Any:
        vendor.queue(STREAM)
        return client.models.generate_content_stream(**CALL)

    return start


def drain(url: str, read: Callable[[Any], Any]) -> Any:
    """Run `read` with the asynchronous client; what it returned."""

    async def run() -> Any:
        async with async_client(gemini(url)) as aio:
            return await read(aio)

    return asyncio.run(run())


def chunks(body: bytes) -> Iterator[bytes]:
    """A body of events, one by one."""
    for event in body.split(b"\n\n"):
        if event:
            yield event + b"\n\n"


def test_the_caller_gets_what_the_sdk_gives(recorded: Recorded, client: genai.Client, vendor: StubServer) -> None:
    """A response is the SDK's; generators are generators, coroutines coroutines, of either kind."""
    vendor.queue(REFUSED)
    response = client.models.generate_content(**CALL)
    stream = client.models.generate_content_stream(**CALL)
    chat_stream = client.chats.create(model=MODEL).send_message_stream("Please.")

    async def streams(aio: Any) -> tuple[Any, ...]:
        call = aio.models.generate_content_stream(**CALL)
        assert inspect.iscoroutine(call)
        return await call, await aio.chats.create(model=MODEL).send_message_stream("Please.")

    assert type(response) is types.GenerateContentResponse
    assert "SAFETY" == response.candidates[0].finish_reason
    assert inspect.isgenerator(stream)
    assert inspect.isgenerator(chat_stream)
    assert all(inspect.isasyncgen(stream) for stream in drain(vendor.url, streams))


def test_the_methods_look_as_they_did(recorded: Recorded) -> None:
    """To whoever inspects them: name, signature, documentation, kind of function."""
    for owner, name in METHODS:
        method = getattr(owner, name)
        original = vars(owner)[name].__wrapped__

        assert (name, original.__doc__) == (method.__name__, method.__doc__)
        assert inspect.signature(original) == inspect.signature(method)
        assert inspect.iscoroutinefunction(original) == inspect.iscoroutinefunction(method)
        assert inspect.isgeneratorfunction(original) == inspect.isgeneratorfunction(method)


def test_a_stream_does_nothing_before_it_is_read(recorded: Recorded, client: genai.Client, vendor: StubServer) -> None:
    """No request, no operation; one that is dropped so never was."""
    stream = client.models.generate_content_stream(**CALL)
    del stream
    gc.collect()

    assert ([], {}) == (vendor.requests, recorded.outcomes)


def test_nothing_is_read_that_the_caller_did_not_read(recorded: Recorded) -> None:
    """The vendor is not asked for the next chunk before the caller is."""
    produced: list[int] = []
    taken = threading.Semaphore(0)

    def pieces() -> Iterator[bytes]:
        for number, piece in enumerate(chunks(STREAM.body)):
            produced.append(number)
            yield piece
            taken.acquire(timeout=5)

    with StubServer(lambda request: Reply(pieces(), content_type="text/event-stream")) as vendor:
        client = gemini(vendor.url)
        for number, _ in enumerate(client.models.generate_content_stream(**CALL)):
            assert number == produced[-1]
            taken.release()

    assert {"refused": 1} == recorded.outcomes


def test_a_stream_is_reported_when_it_was_read_to_its_end(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """Not before, and once, although it is closed afterwards."""
    stream = open_stream()
    next(stream)
    assert {} == recorded.outcomes
    assert 2 == len(list(stream))
    stream.close()
    del stream
    gc.collect()

    assert {"refused": 1} == recorded.outcomes


def test_a_stream_that_is_left_early_is_incomplete(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """Closed, broken off and dropped, dropped."""
    stream = open_stream()
    next(stream)
    stream.close()
    for _ in open_stream():
        break
    next(open_stream())
    gc.collect()

    assert {"incomplete": 3} == recorded.outcomes


def test_a_stream_can_be_read_on_after_a_break(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """Two loops over one stream see all chunks, and one report."""
    stream = open_stream()
    seen = 0
    for _ in stream:
        seen += 1
        break
    seen += len(list(stream))

    assert (3, {"refused": 1}) == (seen, recorded.outcomes)


def test_a_refusal_that_was_seen_before_the_caller_left_stays_one(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """The caller read up to the blocking chunk and closed."""
    stream = open_stream()
    for chunk in stream:
        if chunk.candidates[0].finish_reason:
            break
    stream.close()

    assert {"refused": 1} == recorded.outcomes


def test_an_async_stream_that_is_left_is_reported_once(recorded: Recorded, vendor: StubServer) -> None:
    """Broken off and closed; broken off and dropped."""
    vendor.queue(STREAM, STREAM)

    async def leave(aio: Any) -> None:
        closed = await aio.models.generate_content_stream(**CALL)
        await closed.__anext__()
        await closed.aclose()
        async for _ in await aio.models.generate_content_stream(**CALL):
            break
        gc.collect()
        await asyncio.sleep(0)  # the event loop closes what was dropped

    drain(vendor.url, leave)

    assert {"incomplete": 2} == recorded.outcomes


def test_a_connection_that_is_cut_in_the_middle_is_incomplete(
    recorded: Recorded, client: genai.Client, vendor: StubServer
) -> None:
    """The SDK raises what it raises, by either of its HTTP libraries; the vendor never said how it ended."""
    cut = Reply(next(chunks(STREAM.body)), content_type="text/event-stream", cut=True)
    vendor.queue(cut, cut)
    with suppress(Exception):
        list(client.models.generate_content_stream(**CALL))

    async def read(aio: Any) -> None:
        with suppress(Exception):
            async for _ in await aio.models.generate_content_stream(**CALL):
                pass

    drain(vendor.url, read)

    assert {"incomplete": 2} == recorded.outcomes


@pytest.mark.skipif(Version(genai.__version__) < Version("1.1"), reason="it reads a stream without awaiting")
def test_a_cancelled_reader_is_incomplete_and_cancelled(recorded: Recorded) -> None:
    """`CancelledError` passes through; it is no error of the operation."""
    let_go = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield next(chunks(STREAM.body))
        let_go.wait(5)

    async def cancel(aio: Any) -> None:
        first = asyncio.Event()

        async def read() -> None:
            async for _ in await aio.models.generate_content_stream(**CALL):
                first.set()

        task = asyncio.create_task(read())
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        let_go.set()

    with StubServer(lambda request: Reply(pieces(), content_type="text/event-stream")) as vendor:
        drain(vendor.url, cancel)

    assert {"incomplete": 1} == recorded.outcomes


@pytest.mark.skipif("httpx_async_client" not in types.HttpOptions.model_fields, reason="it takes no client of httpx")
def test_an_abandoned_call_is_closed_in_silence(recorded: Recorded) -> None:
    """Its loop is closed, and the garbage collector closes its coroutine in whatever context it runs."""

    class Silent(httpx.AsyncBaseTransport):
        def __init__(self, asked: asyncio.Event) -> None:
            self._asked = asked

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self._asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def call(asked: asyncio.Event) -> None:
        options = types.HttpOptions(httpx_async_client=httpx.AsyncClient(transport=Silent(asked)))
        await genai.Client(api_key="key", http_options=options).aio.models.generate_content(**CALL)

    abandon(call)()

    assert {"incomplete": 1} == recorded.outcomes


def test_the_callers_exception_is_the_same_object(recorded: Recorded, client: genai.Client, vendor: StubServer) -> None:
    """The SDK's own, whole and streamed; and one that the caller throws into the generator."""
    busy = fixture("gemini/error_429_quota.json").reply
    vendor.queue(busy, busy, STREAM)
    mine = ZeroDivisionError()
    with pytest.raises(errors.ClientError) as whole:
        client.models.generate_content(**CALL)
    with pytest.raises(errors.ClientError) as streamed:
        list(client.models.generate_content_stream(**CALL))
    stream = client.models.generate_content_stream(**CALL)
    next(stream)
    with pytest.raises(ZeroDivisionError) as thrown:
        stream.throw(mine)

    assert (429, 429, mine) == (whole.value.code, streamed.value.code, thrown.value)
    assert {"ClientError": 2, "ZeroDivisionError": 1} == recorded.sums("refusal.client.operations", "error.type")


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


weather.__annotations__ = {"city": str, "return": str}  # older SDKs read types only, not their names


def hops(*ends: str) -> list[Reply]:
    """A tool call of `weather`, then the fixtures `ends`, as whole responses."""
    call = json.loads(TOOL_CALL.body)
    call["candidates"][0]["content"]["parts"] = [{"functionCall": {"name": "weather", "args": {"city": "Berlin"}}}]
    call["responseId"] = "r0"
    return [Reply(json.dumps(call).encode()), *(fixture(f"gemini/{end}.json").reply for end in ends)]


def as_streams(replies: list[Reply]) -> list[Reply]:
    """The same, each as a stream of one chunk."""
    return [
        Reply(b"data: " + json.dumps(json.loads(reply.body)).encode() + b"\n\n", content_type="text/event-stream")
        if reply.status == 200
        else reply
        for reply in replies
    ]


WITH_TOOL = types.GenerateContentConfig(tools=[weather])


@pytest.mark.parametrize(
    ("end", "outcome"),
    [("candidate_stop", "completed"), ("candidate_safety_empty", "refused"), ("prompt_blocked_safety", "refused")],
)
def test_function_calling_is_one_operation(
    end: str, outcome: str, recorded: Recorded, client: genai.Client, vendor: StubServer
) -> None:
    """However many requests the SDK makes for it, in a chat or not; the last answer tells."""
    vendor.queue(*hops(end) * 2)
    client.models.generate_content(**CALL, config=WITH_TOOL)
    client.chats.create(model=MODEL, config=WITH_TOOL).send_message("Please.")

    assert 4 == len(vendor.requests)
    assert {outcome: 2} == recorded.outcomes


@pytest.mark.parametrize(("end", "outcome"), [("candidate_stop", "completed"), ("candidate_safety_empty", "refused")])
def test_function_calling_in_a_stream_is_one_operation(
    end: str, outcome: str, recorded: Recorded, client: genai.Client, vendor: StubServer
) -> None:
    """The chunks of several answers in one stream: the last answer tells."""
    vendor.queue(*as_streams(hops(end)) * 2)
    list(client.models.generate_content_stream(**CALL, config=WITH_TOOL))
    list(client.chats.create(model=MODEL, config=WITH_TOOL).send_message_stream("Please."))

    assert 4 == len(vendor.requests)
    assert {outcome: 2} == recorded.outcomes


def test_async_function_calling_is_one_operation(recorded: Recorded, vendor: StubServer) -> None:
    """Four ways, eight requests, four operations."""
    vendor.queue(*hops("candidate_safety_empty") * 2, *as_streams(hops("candidate_safety_empty")) * 2)

    async def call(aio: Any) -> None:
        def chat() -> Any:
            return aio.chats.create(model=MODEL, config=WITH_TOOL)

        await aio.models.generate_content(**CALL, config=WITH_TOOL)
        await chat().send_message("Please.")
        async for _ in await aio.models.generate_content_stream(**CALL, config=WITH_TOOL):
            pass
        async for _ in await chat().send_message_stream("Please."):
            pass

    drain(vendor.url, call)

    assert {"refused": 4} == recorded.outcomes


@pytest.mark.skipif("continuation_token" not in types.Candidate.model_fields, reason="this SDK continues nothing")
def test_a_long_answer_that_the_sdk_continues_is_one_operation(
    recorded: Recorded, client: genai.Client, vendor: StubServer
) -> None:
    """However many requests it takes; content of the first belongs to the answer that the second one declines."""
    begun = json.loads(fixture("gemini/candidate_continuation.json").body)
    begun["candidates"][0]["continuationToken"] = "dG9rZW4="
    replies = [Reply(json.dumps(begun).encode()), fixture("gemini/candidate_safety_empty.json").reply]
    vendor.queue(*replies, *as_streams(replies))
    client.models.generate_content(**CALL)
    list(client.models.generate_content_stream(**CALL))

    assert {"refused": 2} == recorded.outcomes
    assert {"mid_stream": 2} == recorded.sums("refusal.client.refusals", "refusal.stage")


def test_a_request_that_fails_after_a_tool_call_is_an_error(
    recorded: Recorded, client: genai.Client, vendor: StubServer
) -> None:
    """The stream had a terminal signal by then, and went on."""
    vendor.queue(*as_streams(hops("error_429_quota")))
    with pytest.raises(errors.ClientError):
        list(client.models.generate_content_stream(**CALL, config=WITH_TOOL))

    assert {"error": 1} == recorded.outcomes


def test_a_call_inside_a_tool_is_an_operation_of_its_own(
    recorded: Recorded, client: genai.Client, vendor: StubServer
) -> None:
    """Whether a chat or the model runs the tool."""

    def ask(city: str) -> str:
        """Ask a model about a city."""
        vendor.queue(REFUSED)
        client.models.generate_content(**CALL)
        vendor.queue(fixture("gemini/candidate_stop.json").reply)
        return "No answer."

    ask.__name__, ask.__annotations__ = "weather", weather.__annotations__
    config = types.GenerateContentConfig(tools=[ask])
    vendor.queue(hops()[0])
    client.models.generate_content(**CALL, config=config)
    vendor.queue(hops()[0])
    client.chats.create(model=MODEL, config=config).send_message("Please.")

    assert {"refused": 2, "completed": 2} == recorded.outcomes


def test_a_chat_is_one_operation_also_when_others_wrap_the_model(
    recorded: Recorded, client: genai.Client, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instrumentation that came after ours stands between the chat and us."""
    ours = models.Models.generate_content

    def theirs(self: Any, **call: Any) -> Any:
        return ours(self, **call)

    monkeypatch.setattr(models.Models, "generate_content", theirs)
    vendor.queue(REFUSED)
    client.chats.create(model=MODEL).send_message("Please.")

    assert {"refused": 1} == recorded.outcomes


def test_a_model_may_be_named_by_its_resource_path(
    recorded: Recorded, client: genai.Client, vendor: StubServer
) -> None:
    """One model, one label."""
    vendor.queue(REFUSED, REFUSED)
    client.models.generate_content(model=f"models/{MODEL}", contents="Please.")
    client.models.generate_content(model=MODEL, contents="Please.")

    assert {MODEL: 2} == recorded.sums("refusal.client.operations", "gen_ai.request.model")


def test_a_suppressed_call_is_not_seen(recorded: Recorded, client: genai.Client, vendor: StubServer) -> None:
    """Nor a stream that was asked for under suppression and read outside of it."""
    vendor.queue(REFUSED, STREAM)
    with suppress_instrumentation():
        client.models.generate_content(**CALL)
        stream = client.models.generate_content_stream(**CALL)
    list(stream)

    assert {} == recorded.outcomes


def test_a_stream_belongs_to_the_span_of_its_call(
    recorded: Recorded, client: genai.Client, open_stream: Callable[[], Any]
) -> None:
    """Not to the one under which it is read."""
    tracer = trace.get_tracer("application")
    with tracer.start_as_current_span("call") as call:
        stream = open_stream()
    with tracer.start_as_current_span("read"):
        list(stream)

    (own,) = [span for span in recorded.spans if "refusal.outcome" in span.attributes]
    assert (f"generate_content {MODEL}", call.get_span_context().span_id) == (own.name, own.parent.span_id)


def test_the_context_of_the_caller_is_left_alone(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """Between the chunks of a stream as well."""
    before = context.get_current()
    for _ in open_stream():
        assert before == context.get_current()

    assert before == context.get_current()


def test_uninstrument_restores_the_very_originals(instrument: Callable[..., Recorded]) -> None:
    """Methods are the same objects as before."""
    before = [vars(owner)[name] for owner, name in METHODS]
    instrument()
    assert all(vars(owner)[name] is not original for (owner, name), original in zip(METHODS, before, strict=True))
    otel_refusals.uninstrument()

    assert before == [vars(owner)[name] for owner, name in METHODS]


def test_a_stream_that_was_begun_before_uninstrument_is_still_reported(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """What was begun is finished."""
    stream = open_stream()
    next(stream)
    otel_refusals.uninstrument()
    list(stream)

    assert {"refused": 1} == recorded.outcomes


async def _read(stream: AsyncIterator[Any]) -> int:
    return len([chunk async for chunk in stream])


def test_two_async_streams_at_once_are_two_operations(recorded: Recorded, vendor: StubServer) -> None:
    """Each with its own reader."""
    vendor.queue(STREAM, STREAM)

    async def both(aio: Any) -> list[int]:
        first = await aio.models.generate_content_stream(**CALL)
        second = await aio.models.generate_content_stream(**CALL)
        return await asyncio.gather(_read(first), _read(second))

    assert [3, 3] == drain(vendor.url, both)
    assert {"refused": 2} == recorded.outcomes
