"""Refusals on WebSockets: the real SDK's connections, injected or served by the stub, read as they were asked for."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from http.client import HTTPConnection
from typing import Any

import openai
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from otel_refusals.testing import CallBlocked, RefusalRecorder, Scenario, StubServer, inject, ways_of, wire
from otel_refusals.vendors.openai import VENDOR as OPENAI
from tests.injected import ENDINGS, NOWHERE

Opens = Callable[[Any], AbstractContextManager[Any] | AbstractAsyncContextManager[Any]]

ASK = {"type": "response.create", "model": "gpt-5.5", "input": "Please."}
START = {"type": "session.start", "session": {"model": "gpt-live-1"}}
SOCKETS: dict[str, tuple[Opens, dict[str, Any]]] = {
    "responses": (lambda client: client.responses.connect(), ASK),
    "realtime": (lambda client: client.realtime.connect(model="gpt-realtime"), {"type": "response.create"}),
    "live": (lambda client: client.live.connect(), START),
}
LAST = {"response.completed", "response.incomplete", "response.failed", "response.done", "decision.event", "error"}

of_all_sockets = pytest.mark.parametrize("socket", SOCKETS)


@pytest.fixture(scope="module")
def gpt() -> openai.OpenAI:
    """A client that was made before any injection, of a vendor that nobody can reach."""
    return openai.OpenAI(api_key="key", base_url=NOWHERE, max_retries=0)


def is_last(event: Any) -> bool:
    """Whether `event` ends an answer."""
    inner = getattr(event, "event", None) or {}
    return bool({event.type, inner.get("type") if isinstance(inner, dict) else None} & LAST)


def answered(connection: Any, message: Any) -> list[Any]:
    """Every event up to the one that ends the answer to `message`."""
    connection.send(message)
    events = [connection.recv()]
    while not is_last(events[-1]):
        events.append(connection.recv())
    return events


def forms(socket: str) -> list[Scenario]:
    """The scenarios that have a form on `socket`: Realtime has no refusal in the model's words and no categories."""
    played = [*ways_of("openai").values(), *ENDINGS]
    return [one for one in played if socket != "realtime" or one.source != "model"]


@of_all_sockets
def test_every_way_reads_as_it_was_asked_for(socket: str, gpt: openai.OpenAI) -> None:
    """On one connection after another, with no network."""
    opens, message = SOCKETS[socket]
    with RefusalRecorder() as recorder:
        for scenario in forms(socket):
            with inject("openai", scenario) as injection, opens(gpt) as connection:  # type: ignore[union-attr]
                answered(connection, message)
            assert [message["type"]] == [request.json["type"] for request in injection.requests]

    expected = [(scenario.outcome, scenario.stage) for scenario in forms(socket) if scenario.declines]
    assert expected == [(refusal.outcome, refusal.stage) for refusal in recorder.refusals]
    assert ["policy_hold"] == [unknown.signal for unknown in recorder.unknown]
    assert len(forms(socket)) == sum(recorder.operations.values())


@of_all_sockets
def test_asynchronous_connections_get_it_too(socket: str) -> None:
    """Of a client that is made inside, without a key."""
    opens, message = SOCKETS[socket]

    async def call() -> None:
        async with openai.AsyncOpenAI() as client, opens(client) as connection:  # type: ignore[union-attr]
            await connection.send(message)
            while not is_last(await connection.recv()):
                pass

    with RefusalRecorder() as recorder, inject("openai", stage="mid_stream", after_tokens=7):
        asyncio.run(call())

    recorder.assert_one(stage="mid_stream", discarded_output_tokens=7)


def test_every_request_gets_its_answer(gpt: openai.OpenAI) -> None:
    """One after another, and on lanes that are echoed."""
    with inject("openai", category="bio") as injection, gpt.responses.connect() as connection:
        first = answered(connection, ASK)
        second = answered(connection, ASK | {"stream_id": "b"})

    assert "bio_policy" == first[-1].response.error.code
    assert {"b"} == {event.stream_id for event in second}
    assert 2 == len(injection.requests)


def test_what_asks_for_nothing_is_acknowledged(gpt: openai.OpenAI) -> None:
    """As the vendor does it; it is no call that could be refused."""
    with inject("openai") as injection, gpt.realtime.connect(model="gpt-realtime") as connection:
        said = [connection.recv().type]
        connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
        connection.conversation.item.create(item={"type": "message", "role": "user", "content": []})
        said += [connection.recv().type for _ in range(3)]
        assert [] == injection.requests

    assert ["session.created", "session.updated", "conversation.item.added", "conversation.item.done"] == said


@pytest.mark.parametrize("question", ["predicate", "choice", "score"])
def test_a_live_session_delegates_decisions_where_it_is_configured_so(question: str, gpt: openai.OpenAI) -> None:
    """Each of its questions is refused, or answered in its own form."""
    asked = {"type": question, "name": "q", "choices": [{"value": "a"}], "levels": [{"label": "low"}]}
    delegation = {"type": "decisions", "decisions": {"model": "gpt-5.5", "questions": [asked]}}
    start = {"type": "session.start", "session": {"model": "gpt-live-1", "delegation": delegation}}
    answers = []
    for scenario in (Scenario(), Scenario(outcome="completed")):
        with RefusalRecorder() as recorder, inject("openai", scenario), gpt.live.connect() as connection:
            answers.append(answered(connection, start)[-1].event.decision.answers[0].type)
            assert {scenario.outcome: 1} == recorder.operations

    assert ["refusal", question] == answers


def test_a_fixture_comes_as_messages(gpt: openai.OpenAI) -> None:
    """A stream, a whole response, an error, and the end of a Realtime response."""
    for name, socket in (
        ("responses_stream_failed_bio", "responses"),
        ("responses_incomplete_content_filter", "responses"),
        ("error_400_cyber_policy", "responses"),
        ("responses_stream_refusal", "live"),
        ("decisions_mixed", "live"),
        ("realtime_response_done_content_filter", "realtime"),
    ):
        opens, message = SOCKETS[socket]
        fixture = wire("openai", name)
        with (
            RefusalRecorder() as recorder,
            inject("openai", wire=fixture),
            opens(gpt) as connection,  # type: ignore[union-attr]
        ):
            answered(connection, message)
            assert {fixture.outcome: 1} == recorder.operations, name


def test_a_connection_of_another_vendor_is_blocked(gpt: openai.OpenAI) -> None:
    """At once, and so is one that no scenario is played on."""
    with inject("anthropic"), pytest.raises(CallBlocked, match="GET /realtime"), gpt.realtime.connect(model="m"):
        pass
    with inject("openai", model="o*"), pytest.raises(CallBlocked), gpt.realtime.connect(model="m"):
        pass


@pytest.mark.filterwarnings("ignore:Realtime music generation is experimental")
def test_a_connection_that_no_scenario_is_played_on_is_blocked() -> None:
    """Rather than let out: Google's music."""
    google = pytest.importorskip("google.genai")

    async def music() -> None:
        async with google.Client(api_key="key").aio.live.music.connect(model="lyria"):
            pass

    with inject("google_genai"), pytest.raises(CallBlocked, match="BidiGenerateMusic of google_genai"):
        asyncio.run(music())


CONNECTIONS: dict[str, tuple[Opens, dict[str, Any]]] = {
    "openai.resources.responses.responses": SOCKETS["responses"],
    "openai.resources.beta.responses.responses": (lambda client: client.beta.responses.connect(), ASK),
    "openai.resources.realtime.realtime": SOCKETS["realtime"],
    "openai.resources.beta.realtime.realtime": (
        lambda client: client.beta.realtime.connect(model="gpt-realtime"),
        {"type": "response.create"},
    ),
    "openai.resources.live.live": SOCKETS["live"],
    "openai.resources.live.sideband": (
        lambda client: client.live.sideband.connect(session_id="s"),
        {"type": "response.create"},
    ),
    "openai.resources.live.forks": (
        lambda client: client.live.forks.connect(session_id="s"),
        {"type": "session.start", "session": {}},
    ),
}
"""By the module of its class: how a connection is opened, and what asks on it."""


def test_every_kind_of_connection_is_reached(gpt: openai.OpenAI) -> None:
    """All that are read: an observer gets its answer when it asks, a fork as soon as it starts."""
    assert {point.module for point in OPENAI.chokepoints if point.frame} == set(CONNECTIONS)
    with RefusalRecorder() as recorder, inject("openai", category="bio"):
        for opens, message in CONNECTIONS.values():
            with opens(gpt) as connection:  # type: ignore[union-attr]
                answered(connection, message)

    assert ["bio"] * len(CONNECTIONS) == [refusal.category for refusal in recorder.refusals]


def test_a_translation_has_nothing_that_could_be_refused(gpt: openai.OpenAI) -> None:
    """Its session is acknowledged from its beginning to its end."""
    with inject("openai") as injection, gpt.realtime.translations.connect(model="m") as connection:
        said = [connection.recv().type]
        connection.session.update(session={"audio": {"output": {"language": "fr"}}})
        connection.session.close()
        said += [connection.recv().type for _ in range(2)]

    assert ["session.created", "session.updated", "session.closed"] == said
    assert [] == injection.requests


def test_the_model_of_a_session_counts_for_all_that_it_is_asked(gpt: openai.OpenAI) -> None:
    """Only its first message names it."""
    with inject("openai", model="gpt-live-*", category="bio") as injection, gpt.live.connect() as connection:
        answered(connection, START)
        answered(connection, {"type": "response.create"})

    assert ["session.start", "response.create"] == [request.json["type"] for request in injection.requests]


@pytest.mark.parametrize("others", ["block", "pass"])
def test_what_is_blocked_on_an_open_connection_is_raised_at_the_end(others: Any, gpt: openai.OpenAI) -> None:
    """The connection breaks; what the application makes of that does not hide it."""
    with (
        pytest.raises(CallBlocked, match="/responses of openai"),
        inject("openai", times=1, others=others),
        gpt.responses.connect() as connection,
        suppress(ConnectionClosed),
    ):
        [answered(connection, ASK) for _ in range(2)]


def test_what_has_no_form_is_told(gpt: openai.OpenAI) -> None:
    """Realtime knows no refusal in the model's words."""
    with (
        pytest.raises(CallBlocked, match="Realtime"),
        inject("openai", source="model"),
        gpt.realtime.connect(model="m") as connection,
        suppress(ConnectionClosed),
    ):
        answered(connection, {"type": "response.create"})


def test_the_rest_is_completed_when_asked_for(gpt: openai.OpenAI) -> None:
    """On the same connection."""
    with inject("openai", times=1, others="answer"), gpt.responses.connect() as connection:
        ended = [answered(connection, ASK)[-1].type for _ in range(3)]

    assert ["response.incomplete", "response.completed", "response.completed"] == ended


def test_the_applications_own_connections_are_left_alone() -> None:
    """They do not name themselves an SDK, whatever their path is."""
    with StubServer() as server, inject("openai"):
        with connect(server.url.replace("http", "ws") + "/v1/realtime") as connection:
            assert "session.created" == json.loads(connection.recv())["type"]
        assert ["/v1/realtime"] == [request.path for request in server.requests]


def test_a_connection_ends_with_its_injection(gpt: openai.OpenAI) -> None:
    """Nobody waits at a server that is gone."""
    with inject("openai"):
        connection = gpt.responses.connect().enter()
    with pytest.raises(ConnectionClosed):
        connection.recv()
    connection.close()


def test_nothing_is_left_behind() -> None:
    """The library connects as before."""
    from websockets.asyncio import client as asynchronous
    from websockets.sync import client as synchronous

    before = (synchronous.connect, asynchronous.connect.__init__)
    with inject("openai"):
        assert before[0] is not synchronous.connect
    assert before == (synchronous.connect, asynchronous.connect.__init__)


@of_all_sockets
def test_the_stub_serves_connections_on_the_same_port(socket: str) -> None:
    """By the names that a request gives, and from its queue: only what asks takes from it."""
    opens, message = SOCKETS[socket]
    with StubServer() as server, openai.OpenAI(api_key="key", base_url=f"{server.url}/v1") as client:
        server.queue(Scenario(), wire("openai", "responses_stream_refusal").reply)
        with RefusalRecorder() as recorder, opens(client) as connection:  # type: ignore[union-attr]
            answered(connection, message)
            assert {"refused": 1} == recorder.operations
            assert 1 == server.pending
        server.clear()
        assert client.chat.completions.create(model="gpt-5.5", messages=[]).choices


def test_the_stub_serves_the_live_sessions_of_google() -> None:
    """To clients of any kind: Google's own SDK wants TLS. The setup names the model, and so the scenario."""
    path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    with StubServer() as server, connect(server.url.replace("http", "ws") + path) as connection:

        def said(message: dict[str, Any]) -> Any:
            connection.send(json.dumps(message))
            return json.loads(connection.recv())

        ready = said({"setup": {"model": "models/gemini-live@pre_output,category=image"}})
        reasons = [
            said(message)["serverContent"]["turnCompleteReason"]
            for message in (
                {"clientContent": {"turns": [], "turnComplete": True}},
                {"realtimeInput": {"audioStreamEnd": True}},
                {"toolResponse": {"functionResponses": []}},
            )
        ]

    assert {"setupComplete": {}} == ready
    assert ["IMAGE_PROHIBITED_INPUT_CONTENT"] * 3 == reasons


def test_the_stub_tells_of_a_scenario_that_does_not_exist() -> None:
    """As an event, so that the connection goes on."""
    with (
        StubServer() as server,
        openai.OpenAI(api_key="key", base_url=f"{server.url}/v1") as client,
        client.responses.connect() as connection,
    ):
        wrong = answered(connection, ASK | {"model": "gpt-5.5@nonsense"})[-1]
        right = answered(connection, ASK | {"model": "gpt-5.5@pre_output"})[-1]

    assert "error" == wrong.type
    assert "response.incomplete" == right.type


def test_the_stub_says_what_it_wants_for_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the websockets library is not installed."""
    monkeypatch.setitem(sys.modules, "websockets.server", None)
    with StubServer() as server:
        connection = HTTPConnection(server.url.removeprefix("http://"))
        connection.request("GET", "/v1/responses", headers={"upgrade": "websocket", "connection": "upgrade"})
        response = connection.getresponse()
        assert (501, True) == (response.status, "pip install websockets" in response.reason)
        connection.close()
