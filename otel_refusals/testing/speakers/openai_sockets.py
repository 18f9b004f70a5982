"""What is said on OpenAI's WebSockets: Responses, Realtime and Live, one message of the client after another.

The law of this module: it keeps nothing of a connection; a message and where it was sent are all that counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from otel_refusals.testing.scenario import Scenario
from otel_refusals.testing.speakers import openai_live, openai_realtime, openai_responses
from otel_refusals.testing.speakers.turn import Turn
from otel_refusals.testing.stub import Reply, Request

_Event = dict[str, Any]


def _silence(_: Mapping[str, Any] | None) -> Iterator[_Event]:
    return iter(())


def _lane(turn: Turn) -> Iterator[_Event]:
    echoed = {"stream_id": turn.body["stream_id"]} if turn.body.get("stream_id") else {}
    return (event | echoed for event in openai_responses.response_events(turn))


def _as_is(event: _Event) -> _Event:
    return event


@dataclass(frozen=True, slots=True)
class _Socket:
    """One kind of connection.

    Args:
        path: The end of the path.
        asking: The messages that ask for an answer.
        answer: Gives it.
        acknowledgement: What comes before it, and to other messages; to None, when the connection opens.
        passed_on: An event of the Responses API as it comes here.
    """

    path: re.Pattern[str]
    asking: frozenset[str]
    answer: Callable[[Turn], Iterator[_Event]]
    acknowledgement: Callable[[Mapping[str, Any] | None], Iterator[_Event]] = _silence
    passed_on: Callable[[_Event], _Event] = _as_is


_CREATE = frozenset({"response.create"})
_SOCKETS = (
    _Socket(re.compile("/responses$"), _CREATE, _lane),
    _Socket(re.compile("/realtime$"), _CREATE, openai_realtime.response_events, openai_realtime.acknowledgement),
    _Socket(
        re.compile("/live/sessions(/[^/]+)?$"),
        _CREATE | {"session.start", "decision.create"},
        openai_live.events,
        openai_live.acknowledgement,
        openai_live.nested,
    ),
)


def _socket_of(request: Request) -> _Socket | None:
    path = urlsplit(request.path).path
    return next((socket for socket in _SOCKETS if socket.path.search(path)), None)


def _message(request: Request) -> Mapping[str, Any] | None:
    """The message of `request`; None where a connection is opened. What is none that is known has no type."""
    if request.json is None or (isinstance(request.json, Mapping) and isinstance(request.json.get("type"), str)):
        return request.json
    return {"type": ""}


def asks(request: Request) -> bool:
    """Whether the message of `request` asks for an answer."""
    socket, message = _socket_of(request), _message(request)
    return bool(socket and message and message["type"] in socket.asking)


def model_of(request: Request) -> str:
    """The model that the message asks, else the one that the connection was opened for."""
    message = _message(request) or {}
    session: Any = message.get("session") or {}
    _, configured = openai_live.delegation_to(message) if message else ("", {})
    opened_for = parse_qs(urlsplit(request.path).query).get("model", [""])[0]
    return str(message.get("model") or configured.get("model") or session.get("model") or opened_for)


def events(request: Request, scenario: Scenario) -> Iterable[_Event] | None:
    """What the vendor says to the message of `request`, or first of all; None where it is no socket that is known.

    Raises:
        NotSpokenError: for a scenario that has no form on this socket.
    """
    socket = _socket_of(request)
    if socket is None:
        return None
    message = _message(request)
    said = socket.acknowledgement(message)
    if message is None or not asks(request):
        return said
    return [*said, *socket.answer(Turn(scenario, message, model_of(request)))]


def in_messages(request: Request, reply: Reply) -> Reply:
    """A reply that was made for HTTP: each server-sent event, or the whole JSON, as the messages that stand for it."""
    socket, message = _socket_of(request), _message(request)
    if socket is None or not isinstance(reply.body, bytes):
        return reply
    lines = [line[6:] for line in reply.body.splitlines() if line.startswith(b"data: ") and line != b"data: [DONE]"]
    said = [json.loads(line) for line in lines or [reply.body] if line]
    answered = [socket.passed_on(_as_event(one, reply.status)) for one in said]
    sent = [json.dumps(event).encode() for event in (*socket.acknowledgement(message), *answered)]
    return Reply(sent, cut=reply.cut)


def _as_event(one: _Event, status: int) -> _Event:
    if "type" in one:
        return one
    if "answers" in one:
        return {"type": "decision.completed", "decision": one}
    if "error" in one and "status" not in one:
        return {"type": "error", "status": status, "error": one["error"]}
    return {"type": f"response.{one['status']}", "response": one}
