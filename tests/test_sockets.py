"""WebSockets: one connection, one operation after another, read through the real SDK over a real socket."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

import openai
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from otel_refusals.testing import StubServer
from tests.fixtures import fixture
from tests.telemetry import Recorded

Event = dict[str, Any]

RESPONSES_REFUSED = fixture("openai/responses_stream_refusal.sse").wires
RESPONSES_ASKED = fixture("openai/responses_stream_function_call.sse").wires
REALTIME_CREATED = {"type": "response.created", "response": {"id": "resp_rt", "object": "realtime.response"}}
REALTIME_FILTERED = {
    "type": "response.done",
    "response": {
        "id": "resp_rt",
        "object": "realtime.response",
        "status": "incomplete",
        "status_details": {"type": "incomplete", "reason": "content_filter"},
        "output": [],
        "usage": {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10},
    },
}


@contextmanager
def speaking(events: Sequence[Event]) -> Iterator[openai.OpenAI]:
    """A client of a loopback WebSocket that answers the first message with `events`."""

    def answer(connection: ServerConnection) -> None:
        connection.recv()
        for event in events:
            connection.send(json.dumps(event))
        connection.close()

    with serve(answer, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        with openai.OpenAI(api_key="key", websocket_base_url=f"ws://127.0.0.1:{port}/v1", max_retries=0) as client:
            yield client
        server.shutdown()
        thread.join()


def received(connection: Any) -> list[Any]:
    """Every event until the connection ends."""
    found = []
    try:
        while True:
            found.append(connection.recv())
    except ConnectionClosed:
        return found


def test_responses_take_turns_on_one_connection(recorded: Recorded) -> None:
    """Each is an operation of its own, and its tokens are those of its last event."""
    with speaking([*RESPONSES_ASKED, *RESPONSES_REFUSED]) as client, client.responses.connect() as connection:
        connection.response.create(model="m", input="Please.")
        events = received(connection)

    assert len(events) == len(RESPONSES_ASKED) + len(RESPONSES_REFUSED)
    assert recorded.outcomes == {"tool_call": 1, "refused": 1}
    assert recorded.sums("refusal.client.refusals", "refusal.source", "refusal.stage") == {("model", "pre_output"): 1}


def test_responses_side_by_side_are_told_apart_by_their_stream(recorded: Recorded) -> None:
    """Where a connection has lanes, every event names its own."""
    lanes = [
        {**event, "stream_id": name}
        for pair in zip(RESPONSES_ASKED, RESPONSES_REFUSED, strict=False)
        for name, event in zip(("a", "b"), pair, strict=True)
    ]
    rest = [{**event, "stream_id": "a"} for event in RESPONSES_ASKED[len(RESPONSES_REFUSED) :]]
    rest += [{**event, "stream_id": "b"} for event in RESPONSES_REFUSED[len(RESPONSES_ASKED) :]]
    with speaking([*lanes, *rest]) as client, client.responses.connect() as connection:
        connection.response.create(model="m", input="Please.")
        received(connection)

    assert recorded.outcomes == {"tool_call": 1, "refused": 1}


def test_a_connection_that_breaks_in_the_middle_leaves_the_operation_incomplete(recorded: Recorded) -> None:
    """As soon as nobody holds the connection any more."""
    with speaking(RESPONSES_REFUSED[:1]) as client, client.responses.connect() as connection:
        connection.response.create(model="m", input="Please.")
        received(connection)
    del connection
    gc.collect()

    assert recorded.outcomes == {"incomplete": 1}


def test_a_policy_error_on_a_connection_is_a_refusal(recorded: Recorded) -> None:
    """It can come before any response was created."""
    error = {"type": "error", "status": 400, "error": {"type": "invalid_request", "code": "cyber_policy"}}
    with speaking([error]) as client, client.responses.connect() as connection:
        connection.response.create(model="m", input="Please.")
        received(connection)

    assert recorded.outcomes == {"refused": 1}
    assert recorded.sums("refusal.client.refusals", "refusal.category") == {"cyber": 1}


def test_a_realtime_response_that_the_filter_cuts_off_is_refused(recorded: Recorded) -> None:
    """After it had produced output: the tokens say so even where the output is withheld."""
    with speaking([REALTIME_CREATED, REALTIME_FILTERED]) as client, client.realtime.connect(model="m") as connection:
        connection.response.create()
        received(connection)

    assert recorded.outcomes == {"refused": 1}
    assert recorded.sums("refusal.client.discarded.output_tokens", "refusal.stage") == {"mid_stream": 10}


@pytest.mark.parametrize(
    ("status", "details", "outcome"),
    [
        ("completed", None, "completed"),
        ("cancelled", {"reason": "turn_detected"}, "incomplete"),
        ("incomplete", {"reason": "max_output_tokens"}, "truncated"),
        ("incomplete", {"reason": "brand_new"}, "unknown"),
        ("failed", {"error": {"code": "server_error"}}, "error"),
        ("failed", {"error": {"code": "cyber_policy"}}, "refused"),
        ("brand_new", None, "unknown"),
    ],
)
def test_every_way_a_realtime_response_ends_has_its_outcome(
    recorded: Recorded, status: str, details: Event | None, outcome: str
) -> None:
    """A status or a reason that nobody knows is unknown."""
    done = {"type": "response.done", "response": {"id": "resp_rt", "status": status, "status_details": details}}
    with speaking([REALTIME_CREATED, done]) as client, client.realtime.connect(model="m") as connection:
        connection.response.create()
        received(connection)

    assert recorded.outcomes == {outcome: 1}


def test_asynchronous_connections_are_seen_too(recorded: Recorded) -> None:
    """By the same method of their own class."""

    async def call(url: str) -> None:
        async with (
            openai.AsyncOpenAI(api_key="key", websocket_base_url=url, max_retries=0) as client,
            client.realtime.connect(model="m") as connection,
        ):
            await connection.response.create()
            async for _ in connection:
                pass

    with speaking([REALTIME_CREATED, REALTIME_FILTERED]) as client:
        asyncio.run(call(str(client.websocket_base_url)))

    assert recorded.outcomes == {"refused": 1}


def test_a_live_session_shows_the_responses_and_decisions_that_it_delegates(recorded: Recorded) -> None:
    """Their events come inside events of the session."""
    nested = [{"type": "response.event", "event_id": "e", "delegation_id": "d", "event": e} for e in RESPONSES_REFUSED]
    decision = fixture("openai/decisions_mixed.json").wires[0]
    decided = {"type": "decision.event", "event_id": "f", "event": {"type": "decision.completed", "decision": decision}}
    with speaking([*nested, decided]) as client, client.live.connect() as connection:
        connection.send({"type": "session.start"})  # type: ignore[arg-type]
        received(connection)

    assert recorded.outcomes == {"refused": 2}


def test_a_suppressed_connection_is_left_alone(recorded: Recorded, vendor: StubServer) -> None:
    """Like any other call."""
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    with (
        suppress_instrumentation(),
        speaking(RESPONSES_REFUSED) as client,
        client.responses.connect() as connection,
    ):
        connection.response.create(model="m", input="Please.")
        received(connection)

    assert recorded.outcomes == {}
