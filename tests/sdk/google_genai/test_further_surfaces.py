"""Images, videos, interactions, decisions and live turns, as far as the installed google-genai SDK has them."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from packaging.version import Version

from otel_refusals.testing import Reply, StubServer
from tests.fixtures import FIXTURES, Fixture, fixture
from tests.sdk.google_genai.drivers import MODEL, async_client, gemini, vertex
from tests.telemetry import Recorded

VERSION = Version(genai.__version__)
IMAGE = {"model": MODEL, "prompt": "Please."}
ASK = {"model": MODEL, "input": "Please."}
QUESTIONS = {"q": {"type": "noul", "instructions": [{"type": "text", "text": "Is it?"}]}}
OPERATION = f"models/{MODEL}/operations/op1"

has_videos = pytest.mark.skipif(VERSION < Version("1.40"), reason="this SDK polls no videos by name")
has_interactions = pytest.mark.skipif(VERSION < Version("2"), reason="this SDK has no interactions")
has_decisions = pytest.mark.skipif(not hasattr(genai.Client, "decisions"), reason="this SDK has no decisions")


def of(surface: str, **only: Any) -> Any:
    """The fixtures of a surface, as the parameters of a test."""
    found = [one for one in FIXTURES if one.surface == surface and only.items() <= vars_of(one).items()]
    return pytest.mark.parametrize("fixture", found, ids=lambda one: one.path)


def vars_of(one: Fixture) -> dict[str, Any]:
    """What a fixture can be chosen by."""
    return {"streamed": one.streamed, "status": one.status}


def check(recorded: Recorded, told: Fixture, provider: str = "gcp.gemini") -> None:
    """That one operation was reported, as the row says."""
    labels = ("refusal.outcome", "gen_ai.provider.name", "gen_ai.request.model")
    assert {(told.outcome, provider, MODEL): 1} == recorded.sums("refusal.client.operations", *labels)
    labels = ("refusal.category", "refusal.stage", "refusal.source")
    declines = recorded.sums("refusal.client.refusals", *labels)
    assert told.refusals == sum(declines.values())
    if told.refusals:
        assert (told.category, told.stage, told.source) in declines
        assert told.discarded_output_tokens == recorded.span.get("refusal.discarded.output_tokens")


def run(client: genai.Client, call: Callable[[Any], Any]) -> Any:
    """Run `call` with the asynchronous half of `client`."""

    async def inside() -> Any:
        async with async_client(client) as aio:
            return await call(aio)

    return asyncio.run(inside())


@of("gemini.images")
def test_filtered_images_are_refused(fixture: Fixture, recorded: Recorded, vendor: StubServer) -> None:
    """Of a Vertex AI client."""
    client = vertex(vendor.url)
    vendor.queue(fixture.reply)
    with suppress(errors.APIError):
        client.models.generate_images(**IMAGE)

    check(recorded, fixture, "gcp.vertex_ai")


@of("gemini.images")
def test_filtered_images_are_refused_async(fixture: Fixture, recorded: Recorded, vendor: StubServer) -> None:
    """The same, in a loop."""
    vendor.queue(fixture.reply)
    with suppress(errors.APIError):
        run(vertex(vendor.url), lambda aio: aio.models.generate_images(**IMAGE))

    check(recorded, fixture, "gcp.vertex_ai")


def finished() -> list[Any]:
    """The fixtures of an operation of the Gemini API that is over."""
    over = [one for one in FIXTURES if one.surface == "gemini.videos" and one.outcome != "paused"]
    return [pytest.param(one, id=one.path) for one in over if "vertex" not in one.path]


@has_videos
@pytest.mark.parametrize("fixture", finished())
def test_a_video_is_reported_when_a_poll_shows_how_it_ended(
    fixture: Fixture, recorded: Recorded, vendor: StubServer
) -> None:
    """Once, however often it is polled afterwards; a poll that fails is no operation, nor one that shows no end."""
    client = gemini(vendor.url)
    body = fixture.body.replace(b"models/veo-4/operations/op1", OPERATION.encode())
    running = Reply(json.dumps({"name": OPERATION}).encode())
    vendor.queue(running, Reply(b'{"error": {"code": 500, "message": "Try again."}}', 500), *[Reply(body)] * 3)
    operation = types.GenerateVideosOperation(name=OPERATION)
    client.operations.get(operation)
    with suppress(errors.APIError):
        client.operations.get(operation)
    assert {} == recorded.outcomes
    for _ in range(2):
        client.operations.get(operation)
    run(gemini(vendor.url), lambda aio: aio.operations.get(operation))

    check(recorded, fixture)


@has_videos
def test_a_vertex_video_is_read_like_any_other(recorded: Recorded, vendor: StubServer) -> None:
    """Two filtered videos are two refusals of one operation."""
    client, told = vertex(vendor.url), fixture("gemini/video_filtered_vertex.json")
    vendor.queue(told.reply)
    client.operations.get(types.GenerateVideosOperation(name=told.wires[0]["name"]))

    assert ({"refused": 1}, 2) == (recorded.outcomes, sum(recorded.sums("refusal.client.refusals").values()))


@has_videos
def test_the_call_that_starts_a_video_is_paused(recorded: Recorded, vendor: StubServer) -> None:
    """The vendor works on it."""
    client = vertex(vendor.url)
    vendor.queue(fixture("gemini/video_running.json").reply)
    source = types.GenerateVideosSource(prompt="Please.") if hasattr(types, "GenerateVideosSource") else None
    client.models.generate_videos(model=MODEL, **({"source": source} if source else {"prompt": "Please."}))

    assert {"paused": 1} == recorded.outcomes


@has_interactions
@of("gemini.interactions", streamed=False)
def test_an_interaction_is_reported_once(fixture: Fixture, recorded: Recorded, vendor: StubServer) -> None:
    """As its row says."""
    client = gemini(vendor.url)
    vendor.queue(fixture.reply)
    with suppress(Exception):
        client.interactions.create(**ASK)

    check(recorded, fixture)


@has_interactions
@of("gemini.interactions", streamed=True)
def test_a_streamed_interaction_is_reported_once(fixture: Fixture, recorded: Recorded, vendor: StubServer) -> None:
    """Read to its end."""
    client = gemini(vendor.url)
    vendor.queue(fixture.reply)
    for _ in client.interactions.create(**ASK, stream=True):
        pass

    check(recorded, fixture)


@has_interactions
@of("gemini.interactions")
def test_an_async_interaction_is_reported_once(fixture: Fixture, recorded: Recorded, vendor: StubServer) -> None:
    """Whole or streamed."""
    vendor.queue(fixture.reply)

    async def call(aio: Any) -> None:
        answer = await aio.interactions.create(**ASK, stream=fixture.streamed)
        if fixture.streamed:
            async for _ in answer:
                pass

    with suppress(Exception):
        run(gemini(vendor.url), call)

    check(recorded, fixture)


@has_interactions
def test_an_interaction_of_vertex_ai_is_told_apart(recorded: Recorded, vendor: StubServer) -> None:
    """By the client that makes the call."""
    client, refused = vertex(vendor.url), fixture("gemini/interaction_failed_safety.json")
    vendor.queue(refused.reply)
    client.interactions.create(**ASK)

    check(recorded, refused, "gcp.vertex_ai")


@has_interactions
def test_a_stored_interaction_is_not_counted_again(recorded: Recorded, vendor: StubServer) -> None:
    """Retrieved after the call that it answered."""
    client, refused = gemini(vendor.url), fixture("gemini/interaction_failed_safety.json")
    vendor.queue(refused.reply, refused.reply)
    client.interactions.create(**ASK)
    client.interactions.get(id="int_1")

    check(recorded, refused)


@has_interactions
def test_an_interaction_in_the_background_is_reported_when_it_ends(recorded: Recorded, vendor: StubServer) -> None:
    """The call is paused; the first poll that shows the end is the refusal."""
    client, refused = gemini(vendor.url), fixture("gemini/interaction_failed_safety.json")
    pending = fixture("gemini/interaction_in_progress.json").reply
    vendor.queue(pending, pending, refused.reply, refused.reply)
    client.interactions.create(**ASK, background=True)
    for _ in range(3):
        client.interactions.get(id="int_1")

    assert {"paused": 1, "refused": 1} == recorded.outcomes


@has_interactions
def test_a_stream_of_an_interaction_that_is_left_is_incomplete(recorded: Recorded, vendor: StubServer) -> None:
    """Closed, left by its block, dropped."""
    client, stream = gemini(vendor.url), fixture("gemini/interaction_stream_failed.sse").reply
    vendor.queue(stream, stream, stream)
    closed = client.interactions.create(**ASK, stream=True)
    next(iter(closed))
    closed.close()
    with client.interactions.create(**ASK, stream=True) as left:
        next(iter(left))
    dropped = client.interactions.create(**ASK, stream=True)
    next(iter(dropped))
    del dropped
    gc.collect()

    async def leave(aio: Any) -> None:
        vendor.queue(stream)
        closed = await aio.interactions.create(**ASK, stream=True)
        await closed.__anext__()
        await closed.close()

    run(gemini(vendor.url), leave)

    assert {"incomplete": 4} == recorded.outcomes


@has_decisions
@of("gemini.decisions")
def test_a_decision_is_reported_once(fixture: Fixture, recorded: Recorded, vendor: StubServer) -> None:
    """Answered, or blocked before the model saw it."""
    client = gemini(vendor.url)
    vendor.queue(fixture.reply)
    client.decisions.create(**ASK, questions=QUESTIONS)

    check(recorded, fixture)


@has_decisions
@of("gemini.decisions")
def test_an_async_decision_is_reported_once(fixture: Fixture, recorded: Recorded, vendor: StubServer) -> None:
    """The same, in a loop."""
    vendor.queue(fixture.reply)
    run(gemini(vendor.url), lambda aio: aio.decisions.create(**ASK, questions=QUESTIONS))

    check(recorded, fixture)


async def _turn(frames: list[Any], read: Callable[[Any], Any]) -> Any:
    """Have a WebSocket server on loopback send `frames`, and `read` the session of a client that is connected."""
    from google.genai.live import AsyncSession
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    async def send(socket: Any) -> None:
        for frame in frames:
            await socket.send(json.dumps(frame))
        await socket.wait_closed()

    async with serve(send, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = gemini(f"http://127.0.0.1:{port}")
        async with connect(f"ws://127.0.0.1:{port}") as socket:
            return await read(AsyncSession(api_client=client._api_client, websocket=socket))


@of("gemini.live")
def test_a_live_turn_is_one_operation(fixture: Fixture, recorded: Recorded) -> None:
    """Read to its end, or left where its row has no end."""
    if "turn_complete_reason" not in types.LiveServerContent.model_fields and "reason" in fixture.body.decode().lower():
        pytest.skip("this SDK drops the reason of a turn")

    async def read(session: Any) -> None:
        turn = session.receive()
        assert inspect.isasyncgen(turn)
        for _ in fixture.wires:
            await turn.__anext__()
        with suppress(TimeoutError, asyncio.TimeoutError, StopAsyncIteration):
            await asyncio.wait_for(turn.__anext__(), 0.05)
        await turn.aclose()

    asyncio.run(_turn(fixture.wires, read))

    assert {fixture.outcome: 1} == recorded.outcomes
    labels = ("refusal.category", "refusal.stage", "refusal.source")
    expected = {(fixture.category, fixture.stage, fixture.source): 1} if fixture.refusals else {}
    assert expected == recorded.sums("refusal.client.refusals", *labels)
