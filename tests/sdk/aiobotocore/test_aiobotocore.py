"""The same calls through aiobotocore: bodies and streams are asynchronous, and over aiohttp or httpx."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import Any

import aiobotocore.client
import aiobotocore.session
import botocore.session
import pytest
from aiobotocore.config import AioConfig
from botocore import xform_name
from botocore.exceptions import ClientError, EventStreamError

import otel_refusals
from otel_refusals.testing import Reply, StubServer
from otel_refusals.testing.event_stream import CONTENT_TYPE, frame
from tests.fixtures import FIXTURES, Fixture, fixture
from tests.sdk.botocore.calls import (
    CALLS,
    CONVERSE,
    CONVERSE_STREAM,
    GUARDRAIL,
    INVOKE,
    INVOKE_STREAM,
    SETTINGS,
    leave_out_unless,
    stream_of,
)
from tests.telemetry import Recorded

BEDROCK = [one for one in FIXTURES if one.surface in CALLS]
BODY = fixture("bedrock/invoke_claude_refusal_mid_output.json")
STREAM = fixture("bedrock/converse_stream_guardrail_output.events.jsonl")

try:
    from aiobotocore.httpxsession import HttpxSession
except ImportError:
    HttpxSession = None


@asynccontextmanager
async def client(url: str, **config: Any) -> AsyncIterator[Any]:
    """A Bedrock client without retries."""
    session = aiobotocore.session.get_session()
    settings = AioConfig(retries={"max_attempts": 0}, **config)
    async with session.create_client("bedrock-runtime", endpoint_url=url, config=settings, **SETTINGS) as bedrock:
        yield bedrock


Use = Callable[[Any], Awaitable[Any]]
BY_NAME = {xform_name(name) for name in botocore.session.Session().get_service_model("bedrock-runtime").operation_names}


@pytest.fixture
def use(vendor: StubServer) -> Callable[..., Any]:
    """Makes the call of a surface, which the vendor answers with `reply`, and uses the response."""

    def make(surface: str, reply: Reply, then: Use, **config: Any) -> Any:
        method, arguments = CALLS[surface]
        leave_out_unless(method in BY_NAME, method)
        vendor.queue(reply)

        async def run() -> Any:
            async with client(vendor.url, **config) as bedrock:
                return await then(await getattr(bedrock, method)(**arguments))

        return asyncio.run(run())

    return make


async def whole(response: Any) -> Any:
    """Nothing to read."""
    return response


async def close(response: Any) -> None:
    """Read nothing; over httpx a body is closed asynchronously."""
    closed = stream_of(response).close()
    if closed is not None:
        await closed


async def read_stream(response: Any) -> list[Any]:
    """Read a stream to its end; the SDK raises an error event."""
    events = []
    with suppress(EventStreamError):
        async for event in stream_of(response):
            events.append(event)  # noqa: PERF401 - an error event ends the loop, and what came before it counts
    stream_of(response).close()
    return events


async def read_body(response: Any) -> bytes:
    return bytes(await response["body"].read())


async def read_pieces(response: Any) -> bytes:
    read = b""
    while piece := await response["body"].read(7):
        read += piece
    return read


async def read_chunks(response: Any) -> bytes:
    return b"".join([piece async for piece in response["body"].iter_chunks(11)])


async def read_lines(response: Any) -> bytes:
    return b"".join([line async for line in response["body"].iter_lines()])


async def read_in_context(response: Any) -> bytes:
    async with response["body"] as body:
        return bytes(await body.read())


async def read_exactly(response: Any) -> bytes:
    body, read = response["body"], b""
    while len(read) < len(BODY.body):
        read += await body.read(len(BODY.body) - len(read))
    return read


@pytest.mark.parametrize("sent", BEDROCK, ids=lambda one: one.path)
def test_every_fixture_is_reported_as_the_manifest_says(
    sent: Fixture, recorded: Recorded, use: Callable[..., Any]
) -> None:
    """Once, whichever operation it answers."""
    then = read_stream if sent.streamed else read_body if sent.surface == INVOKE else whole
    use(sent.surface, sent.reply, then)

    assert {sent.outcome: 1} == recorded.outcomes
    if sent.refusals:
        stage = "mid_stream" if sent.surface == GUARDRAIL else sent.stage
        assert {(sent.category, stage, sent.source): 1} == recorded.sums(
            "refusal.client.refusals", "refusal.category", "refusal.stage", "refusal.source"
        )
        assert sent.discarded_output_tokens == recorded.span.get("refusal.discarded.output_tokens")


@pytest.mark.parametrize(
    "then", [read_body, read_pieces, read_chunks, read_lines, read_in_context, read_exactly], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("http", ["aiohttp", "httpx"])
def test_a_body_can_be_read_in_every_way(http: str, then: Use, recorded: Recorded, use: Callable[..., Any]) -> None:
    """And arrives at the caller as it was sent, over either HTTP library."""
    config: dict[str, Any] = {}
    if http == "httpx":
        if not has_httpx():
            pytest.skip("this aiobotocore has no httpx")
        config["http_session_cls"] = HttpxSession

    assert json.loads(BODY.body) == json.loads(use(INVOKE, BODY.reply, then, **config))
    assert {"refused": 1} == recorded.outcomes


def has_httpx() -> bool:
    """Whether the installed SDK can be told to use it."""
    return HttpxSession is not None and find_spec("httpx2") is not None


@pytest.mark.parametrize(
    ("surface", "path"),
    [
        (CONVERSE_STREAM, "bedrock/converse_stream_guardrail_output.events.jsonl"),
        (INVOKE_STREAM, "bedrock/invoke_stream_claude_refusal_mid_text.events.jsonl"),
    ],
)
def test_the_caller_gets_what_the_plain_sdk_gives(
    surface: str, path: str, recorded: Recorded, use: Callable[..., Any]
) -> None:
    """The same types and the same events."""

    async def look(response: Any) -> Any:
        return type(stream_of(response)), await read_stream(response)

    async def body(response: Any) -> Any:
        return type(response["body"]), await read_body(response)

    seen = [use(surface, fixture(path).reply, look), use(INVOKE, BODY.reply, body)]
    otel_refusals.uninstrument()

    assert seen == [use(surface, fixture(path).reply, look), use(INVOKE, BODY.reply, body)]


def test_a_caller_who_leaves_at_the_stop_reason_is_told_of_the_refusal(
    recorded: Recorded, use: Callable[..., Any]
) -> None:
    """Without the trace that comes after it."""

    async def leave(response: Any) -> None:
        async for event in response["stream"]:
            if "messageStop" in event:
                break
        assert {} == recorded.outcomes
        response["stream"].close()
        assert {"refused": 1} == recorded.outcomes

    use(CONVERSE_STREAM, STREAM.reply, leave)

    assert {("guardrail", "unknown"): 1} == recorded.sums(
        "refusal.client.refusals", "refusal.category", "refusal.stage"
    )


UNCLOSED = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""aiohttp complains of a response that is dropped unread, and so it should."""


def test_what_is_closed_unread_is_incomplete(recorded: Recorded, use: Callable[..., Any]) -> None:
    """A stream, a body, and a body that is left in the middle."""

    async def middle(response: Any) -> None:
        async with response["body"] as body:
            await getattr(body, "content", body).read(9)

    use(CONVERSE_STREAM, STREAM.reply, close)
    use(INVOKE, BODY.reply, close)
    use(INVOKE, BODY.reply, middle)

    assert {"incomplete": 3} == recorded.outcomes


@UNCLOSED
def test_a_body_that_is_dropped_is_incomplete(
    recorded: Recorded, use: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """When nobody holds it: the event loop does until the body arrived, and pytest what asyncio complains of."""
    caplog.set_level("CRITICAL", "asyncio")

    async def drop(response: Any) -> None:
        response.clear()

    use(INVOKE, BODY.reply, drop)
    gc.collect()

    assert {"incomplete": 1} == recorded.outcomes


@UNCLOSED
def test_a_cancelled_stream_is_incomplete(recorded: Recorded, vendor: StubServer) -> None:
    """The cancellation goes through, and says nothing about the vendor."""
    gate = asyncio.Event
    _, arguments = CALLS[CONVERSE_STREAM]

    def frames() -> Any:
        from threading import Event

        yield frame(STREAM.wires[0])
        Event().wait(1)
        yield frame(STREAM.wires[1])

    async def run() -> None:
        async with client(vendor.url) as bedrock:
            first = gate()

            async def read() -> None:
                response = await bedrock.converse_stream(**arguments)
                async for _ in response["stream"]:
                    first.set()

            task = asyncio.create_task(read())
            await first.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    vendor.queue(Reply(frames(), content_type=CONTENT_TYPE))
    asyncio.run(run())
    gc.collect()

    assert {"incomplete": 1} == recorded.outcomes


@pytest.mark.parametrize("surface", [CONVERSE_STREAM, INVOKE])
def test_a_connection_that_is_cut_is_incomplete(surface: str, recorded: Recorded, use: Callable[..., Any]) -> None:
    """The SDK raises what it raises."""
    start = [frame(wire) for wire in STREAM.wires[:2]] if surface == CONVERSE_STREAM else [BODY.body[:40]]

    async def read(response: Any) -> None:
        with pytest.raises(Exception, match="payload|[Cc]onnection|rror"):
            await (read_stream if surface == CONVERSE_STREAM else read_body)(response)
        await close(response)

    use(surface, Reply(start, content_type=CONTENT_TYPE, cut=True), read)

    assert {"incomplete": 1} == recorded.outcomes


def test_an_error_answer_is_the_callers(recorded: Recorded, use: Callable[..., Any]) -> None:
    """Named as the SDK names it."""
    reply = Reply(b'{"message": "slow down"}', 429, headers={"x-amzn-errortype": "ThrottlingException"})
    with pytest.raises(ClientError):
        use(CONVERSE, reply, whole)

    assert {"ThrottlingException": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_uninstrument_restores_the_sdk(recorded: Recorded) -> None:
    """The very function."""
    wrapped = vars(aiobotocore.client.AioBaseClient)["_make_request"]
    otel_refusals.uninstrument()

    assert wrapped.__wrapped__ is vars(aiobotocore.client.AioBaseClient)["_make_request"]
