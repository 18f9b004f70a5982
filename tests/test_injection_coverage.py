"""Injection covers what the readers cover: every endpoint in the vendors' tables, called with the real SDKs.

Each row is an endpoint, a call of it, and what it gets: a scenario where one is spoken, else a fixture or a reply.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anthropic
import botocore.session
import cohere
import openai
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from mistralai.client import Mistral, errors

from otel_refusals.testing import RefusalRecorder, Reply, inject
from otel_refusals.testing.fixtures import Wire, wire
from otel_refusals.vendor import Endpoint, Vendor
from otel_refusals.vendors import VENDORS
from tests.injected import NOWHERE

CLAUDE: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Please."}]}
ASKED: dict[str, Any] = {"model": "m", "messages": CLAUDE["messages"]}
CONTINUED: dict[str, Any] = {"conversation_id": "c", "inputs": "Please."}
QUESTIONS = {"q": {"type": "noul", "instructions": [{"type": "text", "text": "Is it?"}]}}

IDLE = wire("anthropic", "session_events_refusal").wires[-1]
THREAD_IDLE = wire("anthropic", "session_thread_events_refusal").wires[-1]
COMPLETION = b'{"type": "completion", "id": "c", "completion": "", "model": "m", "stop_reason": "refusal"}'


def turn(name: str) -> dict[str, Any]:
    """A turn of an agent that a policy stopped; what is shown twice is counted once, so each has its name."""
    error, usage = {"code": "cyber_policy", "message": "Declined."}, {"input_tokens": 9, "output_tokens": 0}
    of = {"object": "agent.session.turn", "agent_id": "a", "session_id": "s", "created_at": 1}
    return {"id": name, **of, "status": "failed", "error": error, "usage": usage}


def turn_failed(name: str) -> dict[str, Any]:
    """The event that tells of it."""
    of = {"event_id": "e", "session_id": "s", "turn_id": name}
    return {"type": "agent.session.turn.failed", **of, "turn": turn(name)}


@dataclass(frozen=True)
class Row:
    """One endpoint, what is called there with a client of its SDK, what that gets, and how it reads."""

    method: str
    path: str
    call: Callable[[Any], object]
    sent: Wire | Reply | None = None
    outcome: str = "refused"
    surface: str = ""
    """The attribute of the client that the SDK's newest for an old Python may not have."""


def listed(*members: Any) -> Reply:
    """A page of a list."""
    return Reply(json.dumps({"object": "list", "data": members, "has_more": False, "next_page": None}).encode())


def streamed(event: dict[str, Any]) -> Reply:
    """A stream of one event."""
    return Reply(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode(), content_type="text/event-stream")


def again(event: dict[str, Any]) -> Reply:
    """The same event, by another id: what is shown twice is counted once."""
    return streamed(event | {"id": f"{event['id']}_again"})


def drained(items: Any) -> None:
    """Read `items` to their end."""
    for _ in items:
        pass


ANTHROPIC = (
    Row("POST", "/v1/messages", lambda c: c.messages.create(**CLAUDE)),
    Row(
        "POST",
        "/v1/complete",
        lambda c: c.post("/v1/complete", cast_to=object, body={"model": "m", "prompt": "Please."}),
        Reply(COMPLETION),
    ),
    Row("GET", "/v1/messages/batches/{id}/results", lambda c: drained(c.messages.batches.results("b"))),
    Row("GET", "/v1/sessions/{id}/events", lambda c: c.beta.sessions.events.list("s"), listed(IDLE)),
    Row("GET", "/v1/sessions/{id}/events/stream", lambda c: drained(c.beta.sessions.events.stream("s")), again(IDLE)),
    Row(
        "GET",
        "/v1/sessions/{id}/threads/{id}/events",
        lambda c: c.beta.sessions.threads.events.list("t", session_id="s"),
        listed(THREAD_IDLE),
    ),
    Row(
        "GET",
        "/v1/sessions/{id}/threads/{id}/stream",
        lambda c: drained(c.beta.sessions.threads.events.stream("t", session_id="s")),
        again(THREAD_IDLE),
    ),
)


def _realtime(client: Any) -> None:
    with client.realtime.connect(model="m") as connection:
        connection.response.create()
        while connection.recv().type != "response.done":
            pass


OPENAI = (
    Row("GET", "/realtime", _realtime),
    Row("POST", "/chat/completions", lambda c: c.chat.completions.create(**ASKED)),
    Row("POST", "/responses", lambda c: c.responses.create(model="m", input="Please.")),
    Row("POST", "/completions", lambda c: c.completions.create(model="m", prompt="Please.")),
    Row("POST", "/decisions", lambda c: c.decisions.create(model="m", input="Please.", questions=[])),
    Row("POST", "/images/generations", lambda c: c.images.generate(prompt="Please.")),
    Row("POST", "/images/edits", lambda c: c.images.edit(image=b"png", prompt="Please.")),
    Row("POST", "/images/variations", lambda c: c.images.create_variation(image=b"png")),
    Row("POST", "/videos", lambda c: c.videos.create(prompt="Please."), outcome="paused"),
    Row("POST", "/videos/edits", lambda c: c.videos.edit(prompt="Please.", video=b"mp4"), outcome="paused"),
    Row(
        "POST",
        "/videos/extensions",
        lambda c: c.videos.extend(prompt="P.", seconds="4", video=b"mp4"),
        outcome="paused",
    ),
    Row("POST", "/videos/{id}/remix", lambda c: c.videos.remix("video_1", prompt="Please."), outcome="paused"),
    Row("GET", "/videos/{id}", lambda c: c.videos.retrieve("video_1")),
    Row(
        "POST",
        "/agents/sessions",
        lambda c: drained(c.beta.agents.sessions.create(environment={}, input="Please.", stream=True)),
        streamed(turn_failed("1")),
    ),
    Row(
        "GET",
        "/agents/sessions/{id}/events",
        lambda c: drained(c.beta.agents.sessions.events.stream("s")),
        streamed(turn_failed("2")),
    ),
    Row("GET", "/agents/sessions/{id}/turns", lambda c: c.beta.agents.sessions.turns.list("s"), listed(turn("3"))),
    Row(
        "GET",
        "/agents/sessions/{id}/turns/{id}",
        lambda c: c.beta.agents.sessions.turns.retrieve("t", session_id="s"),
        Reply(json.dumps(turn("4")).encode()),
    ),
    Row("GET", "/responses/{id}", lambda c: c.responses.retrieve("resp_1")),
    Row("POST", "/responses/{id}/cancel", lambda c: c.responses.cancel("resp_2")),
)


def _live(client: Any) -> None:
    async def turn() -> None:
        async with client.aio.live.connect(model="m") as session:
            await session.send_realtime_input(text="Please.")
            async for _ in session.receive():
                pass

    asyncio.run(turn())


GOOGLE = (
    Row(
        "POST",
        "/decisions",
        lambda c: c.decisions.create(model="m", input="P.", questions=QUESTIONS),
        surface="decisions",
    ),
    Row("GET", "/BidiGenerateContent", _live),
    Row("POST", "/{model}:generateContent", lambda c: c.models.generate_content(model="m", contents="Please.")),
    Row(
        "POST",
        "/{model}:predict",
        lambda c: c.models.generate_images(model="m", prompt="P."),
    ),
    Row(
        "POST",
        "/{model}:predictLongRunning",
        lambda c: c.models.generate_videos(model="m", source=types.GenerateVideosSource(prompt="Please.")),
        outcome="paused",
    ),
    Row(
        "GET",
        "/operations/{id}",
        lambda c: c.operations.get(types.GenerateVideosOperation(name="models/veo-4/operations/op1")),
    ),
    Row("POST", "/interactions", lambda c: c.interactions.create(model="m", input="Please.")),
    Row("GET", "/interactions/{id}", lambda c: c.interactions.get(id="int_2")),
    Row("POST", "/interactions/{id}/cancel", lambda c: c.interactions.cancel(id="int_3")),
)

MISTRAL = (
    Row("POST", "/v1/chat/completions", lambda c: c.chat.complete(**ASKED)),
    Row("POST", "/v1/agents/completions", lambda c: c.agents.complete(agent_id="a", messages=ASKED["messages"])),
    Row("POST", "/v1/fim/completions", lambda c: c.fim.complete(model="m", prompt="def")),
    Row("POST", "/v1/conversations", lambda c: c.beta.conversations.start(agent_id="a", inputs="Please.")),
    Row("POST", "/v1/conversations/{id}", lambda c: c.beta.conversations.append(**CONTINUED)),
    Row(
        "POST", "/v1/conversations/{id}/restart", lambda c: c.beta.conversations.restart(**CONTINUED, from_entry_id="e")
    ),
    Row("POST", "/v1/responses", lambda c: c.responses.create(model="m", input="Please.")),
)

BEDROCK = (
    Row("POST", "/model/{id}/converse", lambda c: c.converse(modelId="m", messages=[])),
    Row(
        "POST", "/model/{id}/converse-stream", lambda c: drained(c.converse_stream(modelId="m", messages=[])["stream"])
    ),
    Row("POST", "/model/{id}/invoke", lambda c: c.invoke_model(modelId="anthropic.claude", body=b"{}")["body"].read()),
    Row(
        "POST",
        "/model/{id}/invoke-with-response-stream",
        lambda c: drained(c.invoke_model_with_response_stream(modelId="anthropic.claude", body=b"{}")["body"]),
    ),
    Row(
        "POST",
        "/guardrail/{id}/version/{version}/apply",
        lambda c: c.apply_guardrail(guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=[]),
    ),
)

COHERE = (
    Row("POST", "/v2/chat", lambda c: c.v2.chat(**ASKED)),
    Row("POST", "/v1/chat", lambda c: c.chat(message="Please.")),
    Row("POST", "/v1/generate", lambda c: c.generate(prompt="Please.")),
)


@contextmanager
def _bedrock(_: str) -> Iterator[Any]:
    yield botocore.session.Session().create_client("bedrock-runtime", endpoint_url=NOWHERE)


ON_VERTEX = ("/BidiGenerateContent", "/{model}:predict", "/{model}:predictLongRunning")


def _google(path: str) -> genai.Client:
    if path in ON_VERTEX:
        return genai.Client(vertexai=True, project="p", location="l", credentials=Credentials("token"))
    return genai.Client()


ROWS: dict[str, tuple[tuple[Row, ...], Callable[[str], Any]]] = {
    "anthropic": (ANTHROPIC, lambda _: anthropic.Anthropic()),
    "openai": (OPENAI, lambda _: openai.OpenAI()),
    "google_genai": (GOOGLE, _google),
    "botocore": (BEDROCK, _bedrock),
    "mistralai": (MISTRAL, lambda _: Mistral(api_key="key")),
    "cohere": (COHERE, lambda path: cohere.ClientV2() if "v2" in path else cohere.Client()),
}
RAISED = (openai.APIError, errors.MistralError)
"""By which the SDKs tell of an error; some refusals are."""

ELSEWHERE = {"litellm"}
"""It has no wire of its own: `tests/sdk/litellm` injects under the vendors that it calls."""


def test_every_endpoint_of_the_tables_has_its_row() -> None:
    """What a reader reads, an application's tests can be given."""
    tables = {
        (vendor.name, endpoint.method, endpoint.path)
        for vendor in VENDORS
        if vendor.name not in ELSEWHERE
        for endpoint in vendor.endpoints
    }

    assert tables == {(vendor, row.method, row.path) for vendor, (rows, _) in ROWS.items() for row in rows}


@pytest.mark.filterwarnings(
    "ignore:The generate_images method is deprecated", "ignore:deprecated:DeprecationWarning", "ignore:The Sora API"
)
@pytest.mark.parametrize("vendor", [one for one in VENDORS if one.name in ROWS], ids=lambda one: one.name)
def test_every_endpoint_is_reached(vendor: Vendor) -> None:
    """By the call of its row, whose answer is read there as one operation."""
    rows, make = ROWS[vendor.name]
    route, told = vendor.router(), Counter[str]()
    with RefusalRecorder() as recorder:
        for row in rows:
            with inject(vendor.name, wire=row.sent) as injection, make(row.path) as client, suppress(*RAISED):
                if row.surface and not hasattr(client, row.surface):
                    continue
                row.call(client)
            last = injection.requests[-1]
            assert (row.method, row.path) == _of(route(last.method, last.path)), last.path
            told[row.outcome] += 1
            assert told == recorder.operations, row


def _of(endpoint: Endpoint | None) -> tuple[str, str] | None:
    return (endpoint.method, endpoint.path) if endpoint else None
